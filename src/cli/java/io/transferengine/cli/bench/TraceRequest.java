// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.Arrays;

/** A request to an inference server, as recorded. Immutable. */
final class TraceRequest {
  /** The tokens for each number of {@code prefixIds}, by the format. */
  static final int PREFIX_TOKENS = 512;

  private static final int INT_BITS = 32;

  private final long timestampMillis;
  private final int inputTokens;
  private final int outputTokens;
  private final int[] prefixIds;

  /**
   * Makes a request.
   *
   * @param timestampMillis its arrival, from the start of the trace
   * @param inputTokens of its prompt, 1 or more
   * @param outputTokens of the answer
   * @param prefixIds a number for each {@link #PREFIX_TOKENS} tokens of the prompt (the last one
   *     may have fewer). Two requests have the same number if all tokens up to there are the same
   */
  TraceRequest(long timestampMillis, int inputTokens, int outputTokens, int... prefixIds) {
    this.timestampMillis = timestampMillis;
    this.inputTokens = inputTokens;
    this.outputTokens = outputTokens;
    this.prefixIds = prefixIds.clone();
  }

  long timestampMillis() {
    return timestampMillis;
  }

  int inputTokens() {
    return inputTokens;
  }

  int outputTokens() {
    return outputTokens;
  }

  /**
   * {@return the keys, for a {@link PagePool}, of the pages of this request's cache} A last page
   * that is not full has no key, since servers do not share such pages.
   *
   * @param tokenScale the trace's tokens for each token that is moved
   */
  long[] pageKeys(int pageTokens, int tokenScale) {
    int tokens = Math.ceilDiv(inputTokens, tokenScale);
    long[] keys = new long[Math.ceilDiv(tokens, pageTokens)];
    Arrays.fill(keys, PagePool.NO_KEY);
    for (int page = 0; page < tokens / pageTokens; page++) {
      long end = Math.min(inputTokens, (page + 1L) * pageTokens * tokenScale);
      int prefix = (int) ((end - 1) / PREFIX_TOKENS);
      if (prefix < prefixIds.length) {
        keys[page] = (long) prefixIds[prefix] << INT_BITS | page;
      }
    }
    return keys;
  }

  /** {@return the number of pages} */
  int pages(int pageTokens, int tokenScale) {
    return Math.ceilDiv(Math.ceilDiv(inputTokens, tokenScale), pageTokens);
  }
}
