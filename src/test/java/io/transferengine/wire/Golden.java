// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The recorded exchanges of the C++ engine under {@code src/test/resources/golden}. */
public final class Golden {
  /** Every recording of a handshake port. */
  public static final List<String> HANDSHAKE_FRAMES =
      List.of(
          "p2p-tcp-v1/02-port15098-request.bin",
          "p2p-tcp-v1/02-port15098-response.bin",
          "p2p-tcp-v1/04-port15098-request.bin",
          "p2p-tcp-v1/04-port15098-response.bin",
          "p2p-tcp-v1/06-port15098-request.bin",
          "p2p-tcp-v1/06-port15098-response.bin",
          "p2p-tcp-v2/01-port15271-request.bin",
          "p2p-tcp-v2/01-port15271-response.bin",
          "p2p-tcp-v2/03-port15271-request.bin",
          "p2p-tcp-v2/03-port15271-response.bin",
          "p2p-tcp-v2/05-port15271-request.bin",
          "p2p-tcp-v2/05-port15271-response.bin",
          "p2p-notify/01-port15699-request.bin",
          "p2p-notify/01-port15699-response.bin",
          "p2p-notify/02-port15699-request.bin",
          "p2p-notify/02-port15699-response.bin",
          "p2p-notify/03-port15699-request.bin",
          "p2p-notify/03-port15699-response.bin",
          "p2p-notify/04-port15699-request.bin",
          "p2p-notify/04-port15699-response.bin",
          "p2p-rdma/01-port15657-request.bin",
          "p2p-rdma/01-port15657-response.bin",
          "p2p-rdma/02-port15657-request.bin",
          "p2p-rdma/02-port15657-response.bin",
          "p2p-rdma/03-port15657-request.bin",
          "p2p-rdma/03-port15657-response.bin");

  /** Every recording of the HTTP metadata server. */
  public static final List<String> HTTP =
      List.of(
          "http-tcp-v2/02-port18080-request.bin",
          "http-tcp-v2/02-port18080-response.bin",
          "http-tcp-v2/04-port18080-request.bin",
          "http-tcp-v2/04-port18080-response.bin",
          "http-tcp-v2/06-port18080-request.bin",
          "http-tcp-v2/06-port18080-response.bin",
          "http-tcp-v2/07-port18080-request.bin",
          "http-tcp-v2/07-port18080-response.bin");

  private Golden() {}

  /** The bytes of one recording. */
  public static byte[] bytes(String name) {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + name)) {
      if (in == null) {
        throw new IllegalArgumentException("no recording " + name);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The JSON of a recorded frame, newline and all. */
  public static byte[] payload(String name) {
    byte[] frame = bytes(name);
    return Arrays.copyOfRange(frame, 9, frame.length);
  }

  /** The JSON bodies in a recorded HTTP stream, found by their braces: the recorded ones nest. */
  public static List<String> httpBodies(String name) {
    String text = new String(bytes(name), StandardCharsets.ISO_8859_1);
    List<String> bodies = new ArrayList<>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '{' && depth++ == 0) {
        start = i;
      } else if (c == '}' && --depth == 0) {
        bodies.add(text.substring(start, i + 1));
      }
    }
    return bodies;
  }
}
