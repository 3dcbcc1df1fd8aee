// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import static io.transferengine.fuzz.Oracle.requireRefusal;

import io.transferengine.fuzz.AnsweringServer;
import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What an HTTP metadata server answers. The first byte of an input chooses what it is asked. */
public final class HttpAnswersFuzz implements FuzzTarget {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final String KEY = "mooncake/rpc_meta/a";
  private static final byte[] VALUE = {'{', '}'};

  private final AnsweringServer server = new AnsweringServer();
  private final MetadataStore store =
      new HttpMetadataStore(
          HttpAddress.of(ConnectionString.parse("http://127.0.0.1:" + server.port() + "/metadata")),
          Optional.empty(),
          Optional.empty(),
          10);

  @Override
  public void run(byte[] input) {
    if (input.length == 0) {
      return;
    }
    server.answerWith(Arrays.copyOfRange(input, 1, input.length));
    try {
      switch (input[0] % 5) {
        case 0 -> {
          Optional<byte[]> _ = store.get(KEY, TIMEOUT);
        }
        case 1 -> {
          boolean _ = store.replace(KEY, Optional.empty(), VALUE, TIMEOUT);
        }
        case 2 -> {
          boolean _ = store.keep(KEY, VALUE, TIMEOUT);
        }
        case 3 -> {
          boolean _ = store.remove(KEY, VALUE, TIMEOUT);
        }
        default -> {
          List<String> _ = store.keys("mooncake/", 100, TIMEOUT);
        }
      }
    } catch (TransferException e) {
      requireRefusal(
          e, ErrorCode.METADATA, ErrorCode.METADATA_UNAVAILABLE, ErrorCode.NOT_IMPLEMENTED);
    }
  }

  @Override
  public void close() throws IOException {
    store.close();
    server.close();
  }
}
