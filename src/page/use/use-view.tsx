import { Empty } from '../ui/section.js';

export function UseView() {
  return <Empty>This view is not built yet.</Empty>;
}
