import { Empty } from '../ui/section.js';

export function TurnsView() {
  return <Empty>This view is not built yet.</Empty>;
}
