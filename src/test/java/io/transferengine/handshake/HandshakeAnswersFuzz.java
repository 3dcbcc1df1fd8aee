// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;

import io.transferengine.fuzz.AnsweringServer;
import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** What a peer's RPC port answers. The first byte of an input chooses what it is asked. */
public final class HandshakeAnswersFuzz implements FuzzTarget {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

  /** A peer that has no descriptor yet is asked again until then. */
  private static final Duration TIMEOUT = Duration.ofMillis(200);

  private static final SegmentDescriptor OWN = SegmentDescriptor.builder("own:1", "tcp").build();
  private static final HandshakeDescriptor CONNECTION =
      new HandshakeDescriptor("own:1@a", "peer:1@b", List.of(1L), 0, "");

  private final AnsweringServer server = new AnsweringServer();
  private final HostPort peer = new HostPort("127.0.0.1", server.port());
  private final HandshakeClient client = new HandshakeClient(CONNECT_TIMEOUT, 1 << 20);

  @Override
  public void run(byte[] input) {
    if (input.length == 0) {
      return;
    }
    server.answerWith(Arrays.copyOfRange(input, 1, input.length));
    try {
      switch (input[0] & 3) {
        case 0 ->
            require(
                client.fetchMetadata(peer, OWN, TIMEOUT).isSupported(),
                "a descriptor of another protocol was accepted");
        case 1 -> client.notify(peer, new NotifyMessage("a", "b"), TIMEOUT);
        case 2 -> client.probe(peer, TIMEOUT);
        default ->
            require(
                client.connect(peer, CONNECTION, TIMEOUT).reply().replyMessage().isEmpty(),
                "a refusal was accepted");
      }
    } catch (TransferException e) {
      requireRefusal(
          e,
          ErrorCode.SOCKET,
          ErrorCode.DNS, // The time may be over before the name is looked at.
          ErrorCode.METADATA,
          ErrorCode.MALFORMED_JSON,
          ErrorCode.JSON_TOO_LARGE);
    }
  }

  @Override
  public void close() throws IOException {
    client.close();
    server.close();
  }
}
