// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireText;

import io.transferengine.cli.console.CommandException;
import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.InputFile;
import io.transferengine.fuzz.Oracle;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A trace of requests, of which pages are made. */
public final class TraceFuzz implements FuzzTarget {
  private static final int REQUESTS_MAX = 100;

  /** Jackson's buffers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 512 << 10;

  private static final long HEAP_BYTES_PER_BYTE = 100;
  private static final int PAGES_MAX = 1_000_000;

  private final InputFile file = new InputFile();

  @Override
  public void run(byte[] input) throws IOException {
    Path written = file.with(input);
    List<TraceRequest> requests =
        Oracle.frugally(HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length, () -> read(written));
    for (TraceRequest request : requests) {
      require(
          request.timestampMillis() >= 0
              && request.inputTokens() > 0
              && request.outputTokens() >= 0,
          "a request of nothing");
      int pages = request.pages(16, 1);
      if (pages <= PAGES_MAX) {
        require(request.pageKeys(16, 1).length == pages, "keys for more or fewer pages");
      }
    }
  }

  private static List<TraceRequest> read(Path file) {
    try {
      List<TraceRequest> requests = TraceFile.read(file, REQUESTS_MAX);
      require(!requests.isEmpty() && requests.size() <= REQUESTS_MAX, "too few or many requests");
      return requests;
    } catch (CommandException e) {
      requireText(String.valueOf(e.getMessage()));
      return List.of();
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
