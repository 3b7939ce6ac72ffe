import { Empty } from '../ui/section.js';

export function SetUpView() {
  return <Empty>This view is not built yet.</Empty>;
}
