/**
 * How much a plan allows, relative to Plus. Upstream does not tell; these are rough public figures and
 * only weigh accounts against each other.
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
