/** The response to a compaction, with made-up content: one JSON object with its usage at the end. */
export function compaction(account: string, { id = `resp_of_${account}`, contentBytes = 8 } = {}): object {
  return {
    id,
    object: 'response.compaction',
    created_at: 1,
    output: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: `compacted by ${account}` }] },
      { type: 'compaction', id: 'cmp_1', encrypted_content: 'x'.repeat(contentBytes) },
    ],
    usage: {
      input_tokens: 900,
      input_tokens_details: { cached_tokens: 700 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 950,
    },
  };
}
