// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.transferengine.access.AccessRights;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MetadataCodecTest {
  @Test
  void membersMayComeInAnyOrderWithCommentsUnknownOnesAndDuplicates() {
    String json =
        """
        \ufeff/* who */ {
          "zzz": {"deep": [[1.5e3, null, true]]}, // unknown
          "timestamp": null, "tcp_proto_version": 1,
          "tcp_proto_version": 2, "protocol": "tcp", "name": "a\\u003a1",
          "buffers": [{"length": 007, "name": "a:1", "addr": 18446744073709551000, "x": []}, ],
        } and then some
        """;
    SegmentDescriptor segment = decode(json);
    assertThat(segment)
        .isEqualTo(
            SegmentDescriptor.builder("a:1", "tcp")
                .tcpProtoVersion(2)
                .buffers(List.of(new BufferDescriptor("a:1", -616L, 7)))
                .build());
  }

  @Test
  void onlyUtf8IsRead() throws IOException {
    String json = "{\"protocol\":\"tcp\",\"name\":\"a\"}";
    for (String other : List.of("UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE")) {
      byte[] bytes = json.getBytes(Charset.forName(other));
      assertThatExceptionOfType(TransferException.class)
          .as(other)
          .isThrownBy(() -> MetadataCodec.decodeSegment(bytes))
          .withMessageContaining("not JSON");
      assertThatExceptionOfType(TransferException.class)
          .as(other)
          .isThrownBy(() -> MetadataCodec.isOfCppOverTcp(new ByteArrayInputStream(bytes)))
          .withMessageContaining("not JSON");
    }
    byte[] marked = utf8("\ufeff" + json);
    assertThat(MetadataCodec.decodeSegment(marked)).isPresent();
    assertThat(MetadataCodec.isOfCppOverTcp(new ByteArrayInputStream(marked))).isTrue();
  }

  @Test
  void missingMembersAreZeroOrEmptyAndTheVersionIsOne() {
    SegmentDescriptor segment = decode("{\"protocol\":\"tcp\",\"name\":\"a\"}");
    assertThat(segment).isEqualTo(SegmentDescriptor.builder("a", "tcp").build());
    assertThat(segment.tcpProtoVersion()).isEqualTo(1);
    assertThat(decode("{}").isSupported()).isFalse();
    assertThat(MetadataCodec.decodeHandshake(utf8("{}"))).contains(HandshakeDescriptor.EMPTY);
    assertThat(MetadataCodec.decodeNotify(utf8("null"))).isEqualTo(new NotifyMessage("", ""));
  }

  @Test
  void whatPeersMayDoIsWrittenWhereItIsNotEverything() {
    BufferDescriptor both = new BufferDescriptor("a:1", 4096, 9);
    SegmentDescriptor segment =
        SegmentDescriptor.builder("a:1", "tcp")
            .buffers(
                List.of(
                    both,
                    both.withRights(AccessRights.READ_ONLY),
                    both.withRights(AccessRights.WRITE_ONLY)))
            .build();
    String json = new String(MetadataCodec.encode(segment), StandardCharsets.UTF_8);
    assertThat(json)
        .contains(
            """
            [{"addr":4096,"length":9,"name":"a:1"},\
            {"addr":4096,"length":9,"name":"a:1","te_access":"read"},\
            {"addr":4096,"length":9,"name":"a:1","te_access":"write"}]\
            """);
    assertThat(decode(json)).isEqualTo(segment);
    assertThat(decode(json.replace("\"read\"", "\"other\"")).buffers().get(1)).isEqualTo(both);
  }

  /** Memory of a device that no network card reaches: C++ readers refuse buffers without keys. */
  @Test
  void buffersThatOnlyTcpReachesAreApartInAnRdmaSegment() {
    BufferDescriptor plain =
        new BufferDescriptor("a:1", 8192, 9).withRights(AccessRights.READ_ONLY);
    BufferDescriptor keyed = new BufferDescriptor("cpu:0", 4096, 9, List.of(7L), List.of(8L));
    SegmentDescriptor segment =
        SegmentDescriptor.builder("a:1", "rdma")
            .devices(List.of(new DeviceDescriptor("mlx5_0", 0, "00:01")))
            .buffers(List.of(plain, keyed))
            .build();
    String json = new String(MetadataCodec.encode(segment), StandardCharsets.UTF_8);
    assertThat(json)
        .contains(
            """
            {"buffers":[{"addr":4096,"length":9,"lkey":[8],"name":"cpu:0","rkey":[7]}],\
            """)
        .contains(
            """
            "te_tcp_buffers":[{"addr":8192,"length":9,"name":"a:1","te_access":"read"}],\
            """);
    assertThat(decode(json)).isEqualTo(segment.withBuffers(List.of(keyed, plain)));
  }

  @Test
  void nullIsAPeerWithoutDescriptor() {
    assertThat(MetadataCodec.decodeSegment(utf8("null\n"))).isEmpty();
    assertThat(MetadataCodec.decodeHandshake(utf8(" null"))).isEmpty();
  }

  @Test
  void ofSeveralProtocolsTcpIsSpokenAndForeignBuffersAreDropped() {
    SegmentDescriptor segment =
        decode(
            """
            {"name":"a:1","protocol":["cxl","rdma","tcp"],"cxl_name":"c","devices":[],"buffers":[
            {"protocol":"cxl","name":"c","offset":0,"length":9},
            {"protocol":"tcp","name":"a:1","addr":4096,"length":9}]}
            """);
    assertThat(segment.protocols()).containsExactly("cxl", "rdma", "tcp");
    assertThat(segment.protocol()).isEqualTo("tcp");
    assertThat(segment.buffers())
        .containsExactly(new BufferDescriptor("a:1", 4096, 9, List.of(), List.of(), "tcp"));
  }

  @Test
  void otherProtocolsDecodeButAreNotSupportedAndNotWritten() {
    SegmentDescriptor segment =
        decode("{\"name\":\"a\",\"protocol\":\"nvlink\",\"buffers\":[{\"shm_name\":\"s\"}]}");
    assertThat(segment.isSupported()).isFalse();
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> MetadataCodec.encode(segment))
        .matches(e -> e.code() == ErrorCode.NOT_IMPLEMENTED)
        .withMessageContaining("nvlink");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"name\":5} | \"name\" must be a string, not 5",
        "{\"name\":[\"a\"]} | \"name\" must be a string, not an array",
        "{\"protocol\":{}} | \"protocol\" must be a string, not an object",
        "{\"protocol\":[\"tcp\",7]} | \"protocol/1\" must be a string, not 7",
        "{\"tcp_data_port\":70000} | \"tcp_data_port\" must be a number from 0 to 65535, not 70000",
        "{\"tcp_data_port\":-1} | \"tcp_data_port\" must be a number from 0 to 65535, not -1",
        "{\"tcp_data_port\":\"1\"} | \"tcp_data_port\" must be a whole number, not the string"
            + " \"1\"",
        "{\"tcp_data_port\":1.5} | \"tcp_data_port\" must be a whole number, not 1.5",
        "{\"tcp_data_port\":true} | \"tcp_data_port\" must be a whole number, not true",
        "{\"buffers\":7} | \"buffers\" must be an array, not 7",
        "{\"buffers\":[3]} | \"buffers/0\" must be an object, not 3",
        "{\"buffers\":[{},{\"addr\":18446744073709551616}]} | \"buffers/1/addr\" must be a number",
        "{\"buffers\":[{\"addr\":-18446744073709551610}]} | \"buffers/0/addr\" must be a number",
        "{\"buffers\":[{\"length\":9223372036854775808}]} | \"buffers/0/length\" must be a number",
        "{\"buffers\":[{\"rkey\":[1,4294967296]}]} | \"buffers/0/rkey/1\" must be a number from 0",
        "{\"devices\":[{\"lid\":65536}]} | \"devices/0/lid\" must be a number from 0 to 65535",
        "{\"priority_matrix\":{\"cpu:0\":5}} | \"priority_matrix/cpu:0\" must be an array of two",
        "{\"priority_matrix\":{\"cpu:0\":[[],[],[]]}} | must be one of two arrays",
        "{\"priority_matrix\":{\"cpu:0\":[[]]}} | has 1 lists of NICs for \"cpu:0\"",
        "[] | the value must be an object, not an array",
        "{ | is not JSON",
        "{\"name\":NaN} | is not JSON",
        "{'name':1} | is not JSON",
        "garbage | is not JSON",
      })
  void wrongJsonIsRefusedNamingTheMember(String json, String expected) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> decode(json))
        .matches(e -> e.code() == ErrorCode.MALFORMED_JSON)
        .withMessageContaining(expected);
  }

  @Test
  void hostileJsonIsRefused() {
    List<String> hostile =
        List.of(
            "",
            "[".repeat(100_000),
            "{\"x\":".repeat(100_000),
            "{\"" + "y".repeat(100_000) + "\":1}",
            "{\"tcp_data_port\":" + "9".repeat(100_000) + "}",
            "{\"name\":\"\\ud800\"}",
            "{\"name\":\"" + "y".repeat(JsonLimits.STRING_LENGTH_MAX + 1) + "\"}",
            "{\"buffers\":[" + "{},".repeat(JsonLimits.BUFFERS_MAX + 1) + "{}]}",
            "{\"protocol\":[" + "\"a\",".repeat(JsonLimits.LIST_LENGTH_MAX + 1) + "\"b\"]}");
    for (String json : hostile) {
      assertThatExceptionOfType(TransferException.class)
          .isThrownBy(() -> decode(json))
          .matches(
              e -> e.code() == ErrorCode.MALFORMED_JSON || e.code() == ErrorCode.JSON_TOO_LARGE)
          .matches(e -> String.valueOf(e.getMessage()).length() < 600);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"addr\":0,\"length\":1 | has address 0",
        "\"addr\":1,\"length\":0 | has length 0",
        "\"addr\":18446744073709551615,\"length\":1 | ends above the address space",
        "\"addr\":9,\"length\":1,\"name\":\"\" | has an empty name",
        "\"addr\":9,\"length\":1,\"rkey\":[1],\"lkey\":[1] | 1 rkeys and 1 lkeys for 0 devices",
      })
  void unusableBufferRejectsTheDescriptor(String members, String expected) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(
            () ->
                decode(
                    "{\"name\":\"a:1\",\"protocol\":\"tcp\",\"buffers\":[{\"name\":\"a:1\","
                        + members
                        + "}]}"))
        .matches(e -> e.code() == ErrorCode.METADATA)
        .withMessageContaining(expected)
        .withMessageContaining("buffers[0]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{\"name\":\"\",\"gid\":\"g\"}", "{\"name\":\"n\",\"gid\":\"\"}", "{\"lid\":0}"})
  void deviceWithoutNameOrGidRejectsTheDescriptor(String device) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(
            () -> decode("{\"name\":\"a\",\"protocol\":\"rdma\",\"devices\":[" + device + "]}"))
        .matches(e -> e.code() == ErrorCode.METADATA)
        .withMessageContaining("devices[0]");
  }

  @Test
  void whatReadersWouldRejectIsNotWritten() {
    SegmentDescriptor segment =
        SegmentDescriptor.builder("a:1", "tcp")
            .buffers(List.of(new BufferDescriptor("a:1", 0, 1)))
            .build();
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> MetadataCodec.encode(segment));
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(
            () -> MetadataCodec.encode(new HandshakeDescriptor("a", "b", List.of(-1L), 0, "")));
  }

  @Test
  void numbersAreUnsignedAndOurMembersAreSorted() {
    SegmentDescriptor segment =
        SegmentDescriptor.builder("a:1", "rdma")
            .rdmaServerName(Optional.of("b:2"))
            .incarnation(Optional.of("77"))
            .tcpDataPort(5)
            .tcpProtoVersion(2)
            .timestamp("now")
            .devices(List.of(new DeviceDescriptor("n", 65535, "g")))
            .priorityMatrix(Map.of("cpu:1", List.of(List.of(), List.of("n")), "*", matrixOfN()))
            .tcpVectorVersion(1)
            .tcpChecksumVersion(3)
            .tls(2)
            .buffers(
                List.of(
                    new BufferDescriptor(
                        "*", -4096L, 1, List.of(4294967295L), List.of(2147483648L))))
            .build();
    String json = new String(MetadataCodec.encode(segment), StandardCharsets.US_ASCII);
    assertThat(json)
        .isEqualTo(
            "{\"buffers\":[{\"addr\":18446744073709547520,\"length\":1,\"lkey\":[2147483648],"
                + "\"name\":\"*\",\"rkey\":[4294967295]}],"
                + "\"devices\":[{\"gid\":\"g\",\"lid\":65535,\"name\":\"n\"}],\"name\":\"a:1\","
                + "\"priority_matrix\":{\"*\":[[\"n\"],[]],\"cpu:1\":[[],[\"n\"]]},"
                + "\"protocol\":\"rdma\",\"rdma_server_name\":\"b:2\",\"tcp_data_port\":5,"
                + "\"tcp_proto_version\":2,\"te_incarnation\":\"77\",\"te_tcp_checksum\":3,\"te_tcp_vector\":1,"
                + "\"te_tls\":2,\"timestamp\":\"now\"}");
    assertThat(decode(json)).isEqualTo(segment);
  }

  private static List<List<String>> matrixOfN() {
    return List.of(List.of("n"), List.of());
  }

  @Test
  void stringsAreEscapedAsJsoncppDoes() {
    String hard = "a/\"\\\b\f\n\r\t\u0001\u001f\u007f\u00e9\u20ac\ud83d\ude00\ud83d";
    byte[] json = MetadataCodec.encode(new NotifyMessage("", hard));
    assertThat(new String(json, StandardCharsets.US_ASCII))
        .isEqualTo(
            "{\"name\":\"\",\"notify_msg\":\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\u007f"
                + "\\u00e9\\u20ac\\ud83d\\ude00\\ufffd\"}");
    assertThat(MetadataCodec.decodeNotify(json).message())
        .isEqualTo(hard.substring(0, hard.length() - 1) + "\ufffd");
  }

  @Test
  void aNotificationHasItsTraceBehindWhatOthersKnow() {
    TraceParent parent = TraceParent.of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    NotifyMessage traced = new NotifyMessage("a", "b", Optional.of(parent));
    byte[] json = MetadataCodec.encode(traced);
    assertThat(new String(json, StandardCharsets.US_ASCII))
        .isEqualTo(
            "{\"name\":\"a\",\"notify_msg\":\"b\",\"te_traceparent\":\"%s\"}".formatted(parent));
    assertThat(MetadataCodec.decodeNotify(json)).isEqualTo(traced);
    assertThat(MetadataCodec.encode(traced.withoutTrace()))
        .isEqualTo(MetadataCodec.encode(new NotifyMessage("a", "b")));
  }

  @Test
  void matrixHasTextAndMembersInByteOrder() {
    String json = "{\"cpu:0\":[[\"m0\"],[\"m1\"]],\"\\ue000\":[[],[]],\"\\ud83d\\ude00\":[[],[]]}";
    Map<String, List<List<String>>> matrix = MetadataCodec.decodePriorityMatrix(json);
    assertThat(matrix.keySet()).containsExactly("cpu:0", "\ue000", "\ud83d\ude00");
    assertThat(MetadataCodec.encodePriorityMatrix(matrix)).isEqualTo(json);
    assertThat(MetadataCodec.encodePriorityMatrix(Map.of())).isEqualTo("{}");
  }

  @Test
  void timestampHasMicroseconds() {
    assertThat(MetadataCodec.timestamp(LocalDateTime.of(2026, 1, 2, 3, 4, 5, 6_007_999)))
        .isEqualTo("2026-01-02 03:04:05.006007");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "{}",
        "{\"ip_or_host_name\":\"a\"}",
        "{\"ip_or_host_name\":\"a\",\"rpc_port\":0}",
        "{\"ip_or_host_name\":\"\",\"rpc_port\":5}",
        "{\"ip_or_host_name\":\"a\",\"rpc_port\":65536}",
        "{\"ip_or_host_name\":\"a\",\"rpc_port\":\"5\"}"
      })
  void rpcMetaWithoutHostAndPortIsRefused(String json) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> MetadataCodec.decodeRpcMeta(utf8(json)));
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void aHundredThousandBuffersSurviveTheRoundTrip() {
    SegmentDescriptor segment =
        SegmentDescriptor.builder("10.0.0.1:15123", "rdma")
            .devices(Collections.nCopies(4, new DeviceDescriptor("n", 0, "g")))
            .buffers(
                IntStream.range(0, 100_000)
                    .mapToObj(
                        i ->
                            new BufferDescriptor(
                                "cpu:0",
                                0x7f00_0000_0000L + (long) i * 65_536,
                                65_536,
                                Collections.nCopies(4, 6_144L + i),
                                Collections.nCopies(4, 6_144L + i)))
                    .toList())
            .build();
    byte[] json = MetadataCodec.encode(segment);
    assertThat(MetadataCodec.decodeSegment(json)).contains(segment);
  }

  @Test
  void namesLoseTheirLeadingSlashes() {
    assertThat(SegmentNames.normalize("//a/b")).isEqualTo("a/b");
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> SegmentNames.normalize("///"));
  }

  @Test
  void bufferCoversItsRangeOnly() {
    BufferDescriptor buffer = new BufferDescriptor("a", -4096L, 100);
    assertThat(buffer.covers(-4096L, 100)).isTrue();
    assertThat(buffer.covers(-4096L + 99, 1)).isTrue();
    assertThat(buffer.covers(-4097L, 1)).isFalse();
    assertThat(buffer.covers(-4096L, 101)).isFalse();
    assertThat(buffer.covers(-4096L + 99, Long.MAX_VALUE)).isFalse();
    assertThat(buffer.covers(-4096L, -1)).isFalse();
    assertThat(buffer.covers(5, 1)).isFalse();
  }

  private static SegmentDescriptor decode(String json) {
    return MetadataCodec.decodeSegment(utf8(json)).orElseThrow();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
