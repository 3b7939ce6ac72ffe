/** The values of `PROXY_POLICY`; the policies themselves are in `accounts/selection/selection-policy.ts`. */
export const selectionPolicyNames = [
  'most-quota-left',
  'sustainable-rate',
  'fewest-in-flight',
  'fill-first',
  'round-robin',
] as const;
export type SelectionPolicyName = (typeof selectionPolicyNames)[number];
