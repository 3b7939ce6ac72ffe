import { Empty } from '../ui/section.js';

export function NowView() {
  return <Empty>This view is not built yet.</Empty>;
}
