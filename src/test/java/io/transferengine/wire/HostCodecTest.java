// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The members by which engines on one machine find each other. */
@Timeout(60)
class HostCodecTest {
  private static final HostDescriptor HOST =
      new HostDescriptor("0b1d-cafe", 4026531836L, 77, 123456, 0x2345_6789_0000L);

  private static final String JSON =
      """
      "te_host":{"area":38780996747264,"boot":"0b1d-cafe","pid":77,"pid_ns":4026531836,\
      "start":123456}\
      """;

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] json) {
    return new String(json, StandardCharsets.UTF_8);
  }

  @Test
  void aDescriptorSaysWhereItsEngineIsAndWhichWordABufferHas() {
    BufferDescriptor plain = new BufferDescriptor("a:1", 4096, 9);
    SegmentDescriptor segment =
        SegmentDescriptor.builder("a:1", "tcp")
            .buffers(List.of(plain.withFence(-2), plain))
            .host(Optional.of(HOST))
            .incarnation(Optional.of("00ff"))
            .build();
    String json = text(MetadataCodec.encode(segment));
    assertThat(json)
        .contains(
            """
            "buffers":[{"addr":4096,"length":9,"name":"a:1","te_fence":18446744073709551614},\
            {"addr":4096,"length":9,"name":"a:1"}]\
            """)
        .contains("\"tcp_proto_version\":1," + JSON + ",\"te_incarnation\":\"00ff\"");
    assertThat(MetadataCodec.decodeSegment(utf8(json))).contains(segment);
    assertThat(segment.toBuilder().build()).isEqualTo(segment);
  }

  @Test
  void aConnectionMessageAsksForSlotsAndTheReplyHasThem() {
    HandshakeDescriptor request = HandshakeDescriptor.slotsFor(HOST, 0x2345_6789_0010L);
    String json = text(MetadataCodec.encode(request));
    assertThat(json).contains("\"reply_msg\":\"\",\"te_ask\":38780996747280," + JSON);
    assertThat(MetadataCodec.decodeHandshake(utf8(json))).contains(request);
    HandshakeDescriptor reply = HandshakeDescriptor.slotsAt(0x2345_6789_0040L);
    json = text(MetadataCodec.encode(reply));
    assertThat(json).contains("\"te_slots\":38780996747328").doesNotContain("te_host", "te_ask");
    assertThat(MetadataCodec.decodeHandshake(utf8(json))).contains(reply);
    assertThat(text(MetadataCodec.encode(HandshakeDescriptor.EMPTY))).doesNotContain("te_");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "{}",
        "{\"area\":1,\"boot\":\"\",\"pid\":1,\"pid_ns\":1,\"start\":1}",
        "{\"area\":0,\"boot\":\"b\",\"pid\":1,\"pid_ns\":1,\"start\":1}",
        "{\"area\":1,\"boot\":\"b\",\"pid\":0,\"pid_ns\":1,\"start\":1}",
        "{\"boot\":\"b\",\"pid\":1,\"later\":[{}]}",
        "{\"area\":1,\"pid\":1,\"boot\":"
            + "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}"
      })
  void whatDoesNotSayAllSaysNothing(String host) {
    String json = "{\"name\":\"a\",\"protocol\":\"tcp\",\"te_host\":" + host + "}";
    assertThat(MetadataCodec.decodeSegment(utf8(json)).orElseThrow().host()).isEmpty();
  }

  /** Older builds pass over these members; a later form of them must not cost the whole record. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "7",
        "\"text\"",
        "[{\"pid\":[1]},[]]",
        "{\"area\":1,\"boot\":\"b\",\"pid\":-1}",
        "{\"area\":1,\"boot\":\"b\",\"pid\":2147483648}",
        "{\"area\":1,\"boot\":\"b\",\"pid\":\"77\"}",
        "{\"area\":1,\"boot\":\"b\",\"pid\":1.5}",
        "{\"area\":18446744073709551616,\"boot\":\"b\",\"pid\":1}",
        "{\"area\":1,\"boot\":1,\"pid\":1}",
        "{\"area\":1,\"boot\":\"\\ud800\",\"pid\":1}",
        "{\"area\":1,\"boot\":{\"id\":[\"b\"]},\"pid\":1}"
      })
  void whatHasAnotherFormSaysNothing(String host) {
    String json =
        "{\"name\":\"a\",\"protocol\":\"tcp\",\"te_host\":"
            + host
            + ",\"timestamp\":\"now\",\"buffers\":[{\"addr\":1,\"length\":2,\"te_fence\":"
            + host
            + ",\"name\":\"b\"}]}";
    SegmentDescriptor segment = MetadataCodec.decodeSegment(utf8(json)).orElseThrow();
    assertThat(segment.host()).isEmpty();
    assertThat(segment.timestamp()).isEqualTo("now");
    BufferDescriptor buffer = segment.buffers().getFirst();
    assertThat(buffer.name()).isEqualTo("b");
    assertThat(buffer.fence()).isEqualTo(host.equals("7") ? 7 : 0);
    String reply =
        "{\"te_slots\":"
            + host
            + ",\"te_ask\":"
            + host
            + ",\"te_host\":"
            + host
            + ",\"reply_msg\":\"x\"}";
    HandshakeDescriptor message = MetadataCodec.decodeHandshake(utf8(reply)).orElseThrow();
    assertThat(message.slots()).isEqualTo(host.equals("7") ? 7 : 0);
    assertThat(message.ask()).isEqualTo(message.slots());
    assertThat(message.host()).isEmpty();
    assertThat(message.replyMessage()).isEqualTo("x");
  }
}
