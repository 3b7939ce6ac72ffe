import { parser } from '@prometheus-io/lezer-promql';

/** Syntax tree of a query. */
type Tree = ReturnType<typeof parser.parse>;
type Node = Tree['topNode'];

/** A condition on a label, as in `status="5xx"`. */
export interface LabelMatch {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** The series of one metric that a query selects. */
export interface Selection {
  readonly metric: string;
  readonly matches: readonly LabelMatch[];
  /** The functions around it, innermost first, such as `rate`, `histogram_quantile`. */
  readonly functions: readonly string[];
}

/** The parts of a PromQL query that name something of a program. */
export interface QueryParts {
  readonly selections: readonly Selection[];
  /** The label names in `by`, `without` and `on`. */
  readonly groupings: readonly string[];
  /** The labels that `by` leaves at the top of the query; null if it keeps those of its metrics. */
  readonly keeps: readonly string[] | null;
}

/** Parses a query. @throws SyntaxError where it is no PromQL */
export function partsOf(query: string): QueryParts {
  const { topNode } = parser.parse(query);
  const selections: Selection[] = [];
  const groupings: string[] = [];
  let keeps: readonly string[] | null = null;
  topNode.cursor().iterate(({ node, type, from }) => {
    if (type.isError) throw new SyntaxError(`no PromQL at character ${from}: ${query}`);
    if (type.name === 'VectorSelector') selections.push(selectionOf(node, query));
    if (type.name !== 'GroupingLabels') return;
    const names = node.getChildren('LabelName').map((it) => textOf(it, query));
    groupings.push(...names);
    if (node.parent?.getChild('By') !== null) keeps ??= names;
  });
  return { selections, groupings, keeps };
}

function selectionOf(node: Node, query: string): Selection {
  const identifier = node.getChild('Identifier');
  if (identifier === null) throw new SyntaxError(`a selector without a metric: ${query}`);
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  return {
    metric: textOf(identifier, query),
    matches: matchers.map((it) => ({
      label: textOf(it.getChild('LabelName'), query),
      operator: textOf(it.getChild('MatchOp'), query),
      value: textOf(it.getChild('StringLiteral'), query).slice(1, -1),
    })),
    functions: functionsAround(node, query),
  };
}

function functionsAround(node: Node, query: string): string[] {
  const found: string[] = [];
  for (let it = node.parent; it !== null; it = it.parent) {
    if (it.type.name === 'FunctionCall') found.push(textOf(it.getChild('FunctionIdentifier'), query));
  }
  return found;
}

function textOf(node: Node | null, query: string): string {
  return node === null ? '' : query.slice(node.from, node.to);
}
