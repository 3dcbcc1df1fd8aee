// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What a running engine of ours answers has the members of what the C++ engine answered when it was
 * recorded, in the same order and of the same types; what is more is listed in docs/PROTOCOL.md.
 */
@Timeout(60)
class LiveRecordsTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private final TransferEngine engine = new TransferEngine();

  @BeforeEach
  void open() {
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    assertThat(engine.allocateManagedBuffer(65_536)).isPositive();
  }

  @AfterEach
  void close() {
    engine.close();
  }

  @Test
  void metadata() throws IOException {
    List<String> live = members(ask("p2p-tcp-v2/01-port15271-request.bin"));
    List<String> recorded = members(golden("p2p-tcp-v2/01-port15271-response.bin"));
    List<String> ours = listedAsOurs();
    assertThat(ours).isNotEmpty();
    assertThat(live.stream().filter(member -> !isListed(member, ours)).toList())
        .isEqualTo(recorded);
    assertThat(live).anyMatch(member -> isListed(member, ours));
  }

  @Test
  void notifyAndProbe() throws IOException {
    assertThat(ask("p2p-notify/02-port15699-request.bin"))
        .isEqualTo(golden("p2p-notify/02-port15699-response.bin"));
    assertThat(ask("p2p-notify/03-port15699-request.bin"))
        .isEqualTo(golden("p2p-notify/03-port15699-response.bin"));
  }

  private static boolean isListed(String member, List<String> ours) {
    return ours.stream().anyMatch(name -> member.matches("(\\.buffers\\[])?\\." + name + "[ .].*"));
  }

  /** The members that the page says C++ records have not got. */
  private static List<String> listedAsOurs() throws IOException {
    Matcher row =
        Pattern.compile(
                "(?m)^\\| (?:buffer of a )?segment descriptor \\| `(\\w+)` \\|.*\\| absent \\|$")
            .matcher(Files.readString(Path.of("docs/PROTOCOL.md")));
    List<String> names = new ArrayList<>();
    while (row.find()) {
      names.add(row.group(1));
    }
    return names;
  }

  private byte[] ask(String recording) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), engine.getRpcPort())) {
      socket.getOutputStream().write(Files.readAllBytes(GOLDEN.resolve(recording)));
      DataInputStream in = new DataInputStream(socket.getInputStream());
      byte[] length = in.readNBytes(8);
      long bytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
      byte[] rest = in.readNBytes(Math.toIntExact(bytes));
      return ByteBuffer.allocate(8 + rest.length).put(length).put(rest).array();
    }
  }

  private static byte[] golden(String recording) throws IOException {
    return Files.readAllBytes(GOLDEN.resolve(recording));
  }

  /** Every member's path and type, in the order of the text; of arrays the first element's. */
  private static List<String> members(byte[] frame) throws IOException {
    String json = new String(frame, 9, frame.length - 9, UTF_8);
    assertThat(json).endsWith("}\n").doesNotContain(" \"", ": ");
    List<String> members = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      parser.nextToken();
      collect(parser, "", members);
    }
    return members;
  }

  private static void collect(JsonParser parser, String path, List<String> members)
      throws IOException {
    JsonToken token = parser.currentToken();
    members.add(path + " " + token);
    if (token == JsonToken.START_OBJECT) {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        collect(parser, path + "." + name, members);
      }
    } else if (token == JsonToken.START_ARRAY) {
      int elements = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        collect(parser, path + "[]", elements++ == 0 ? members : new ArrayList<>());
      }
    }
  }
}
