import { Empty } from '../ui/section.js';

export function SessionsView() {
  return <Empty>This view is not built yet.</Empty>;
}
