/** The median of a metric, `group.metric`, of a target; undefined if it was not measured. */
export function median(figures, path, target) {
  const [group, metric] = path.split('.');
  return figures[group]?.[target]?.[metric]?.median;
}

/** codex-pool's median, or its ratio to that of another target; undefined without both. */
export function ownFigure(figures, path, to) {
  const own = median(figures, path, 'codex-pool');
  if (to === undefined || own === undefined) return own;
  const other = median(figures, path, to);
  return other === undefined || other <= 0 ? undefined : own / other;
}
