// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.List;

/**
 * How a trace is replayed.
 *
 * @param name of the file
 * @param pageTokens tokens of a page
 * @param tokenScale the trace's tokens for each token that is moved
 * @param timeScale how many times faster than recorded requests arrive; 0 for as fast as they are
 *     served
 * @param threads the most requests under way
 * @param verify whether each block is filled with new bytes before a transfer and compared after it
 */
record TracePlan(
    String name,
    List<TraceRequest> requests,
    Preset preset,
    int pageTokens,
    int tokenScale,
    double timeScale,
    int threads,
    boolean verify) {
  TracePlan {
    requests = List.copyOf(requests);
  }

  long[] pageKeys(TraceRequest request) {
    return request.pageKeys(pageTokens, tokenScale);
  }

  long pageBytes() {
    return preset.regions() * preset.blockBytes(pageTokens);
  }

  long totalPages() {
    return requests.stream().mapToLong(request -> request.pages(pageTokens, tokenScale)).sum();
  }

  int largestPages() {
    return requests.stream()
        .mapToInt(request -> request.pages(pageTokens, tokenScale))
        .max()
        .orElse(1);
  }

  /** {@return blocks of a request on average} */
  int meanBlocks() {
    return Math.toIntExact(Math.ceilDiv(totalPages() * preset.regions(), requests.size()));
  }
}
