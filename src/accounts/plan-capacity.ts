/**
 * Allowance of each plan relative to Plus. Upstream does not state it; these rough public figures only
 * weigh accounts against each other.
 */
const capacities: Readonly<Record<string, number>> = {
  free: 0.25,
  go: 0.5,
  plus: 1,
  team: 1,
  business: 1,
  prolite: 5,
  pro: 10,
  promax: 20,
};

export function planCapacity(plan: string | null): number {
  return (plan === null ? undefined : capacities[plan]) ?? 1;
}
