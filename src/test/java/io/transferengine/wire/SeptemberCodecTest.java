// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.TransferException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the C++ engine's records gained by September 2026; the messages are made by hand. */
@Timeout(60)
class SeptemberCodecTest {
  private static SegmentDescriptor decode(String json) {
    return MetadataCodec.decodeSegment(json.getBytes(StandardCharsets.UTF_8)).orElseThrow();
  }

  private static String text(byte[] json) {
    return new String(json, StandardCharsets.UTF_8);
  }

  @Test
  void theVersionAndTheDataHostAreReadAndWrittenInTheirPlaces() {
    String json =
        "{\"buffers\":[],\"metadata_version\":1790000000123456,\"name\":\"node-a\",\"protocol\":"
            + "\"tcp\",\"tcp_data_host\":\"10.1.0.7\",\"tcp_data_port\":16042,"
            + "\"tcp_proto_version\":2,\"timestamp\":\"2026-09-20 10:00:00.000000\"}";
    SegmentDescriptor segment = decode(json);
    assertThat(segment.metadataVersion()).isEqualTo(1_790_000_000_123_456L);
    assertThat(segment.tcpDataHost()).isEqualTo("10.1.0.7");
    assertThat(text(MetadataCodec.encode(segment))).isEqualTo(json);
    String rpcMeta =
        "{\"ip_or_host_name\":\"10.0.0.7\",\"metadata_version\":1790000000123456,"
            + "\"rpc_port\":15001}";
    RpcMetaRecord record = MetadataCodec.decodeRpcMeta(rpcMeta.getBytes(StandardCharsets.UTF_8));
    assertThat(record).isEqualTo(new RpcMetaRecord("10.0.0.7", 15001, 1_790_000_000_123_456L));
    assertThat(text(MetadataCodec.encode(record))).isEqualTo(rpcMeta);
  }

  @Test
  void withoutThemNothingIsWrittenAndNothingIsAssumed() {
    SegmentDescriptor segment =
        decode("{\"name\":\"a\",\"protocol\":\"tcp\",\"tcp_data_host\":\"\"}");
    assertThat(segment.metadataVersion()).isZero();
    assertThat(segment.tcpDataHost()).isEmpty();
    assertThat(text(MetadataCodec.encode(segment)))
        .doesNotContain("metadata_version", "tcp_data_host");
  }

  @Test
  void aDataHostThatIsNoneMakesTheDescriptorUnusable() {
    assertThatThrownBy(
            () -> decode("{\"name\":\"a\",\"protocol\":\"tcp\",\"tcp_data_host\":\"a b\"}"))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("tcp_data_host \"a b\" is not a valid host");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {"['tcp','shm']|tcp", "'tcp,shm'|tcp", "'rdma, shm'|rdma", "['shm','rdma']|rdma"})
  void ofAListWithSharedMemoryWeUseWhatWeShare(String protocols, String shared) {
    SegmentDescriptor segment =
        decode(
            """
            {"name":"a:1","protocol":%s,"tcp_data_port":1,"buffers":[
            {"protocol":"shm","name":"a:1","addr":4096,"length":9,"shm_name":"/mooncake_7_abcdefgh"},
            {"protocol":"%s","name":"a:1","addr":4096,"length":9}]}
            """
                .formatted(protocols.replace('\'', '"'), shared));
    assertThat(segment.protocol()).isEqualTo(shared);
    assertThat(segment.protocols()).containsExactlyInAnyOrder(shared, "shm");
    assertThat(segment.buffers())
        .containsExactly(new BufferDescriptor("a:1", 4096, 9, List.of(), List.of(), shared));
    ForeignProtocols.requireShared("a:1", "", segment);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "shm          | the peer offers shared memory only (MC_FORCE_SHM)",
        "nvlink       | the peer offers NVLink only [nvlink]",
        "nvlink_intra | the peer offers NVLink only [nvlink_intra]",
        "cxl          | it offers the protocols [cxl], none of which we speak",
      })
  void aPeerWithoutAProtocolOfOursIsDecodedAndNamedWithItsRemedy(String protocol, String error) {
    SegmentDescriptor segment =
        decode(
            """
            {"name":"a:1","protocol":"%s","buffers":[
            {"protocol":"%s","name":"a:1","addr":4096,"length":9,"shm_name":"%s"}]}
            """
                .formatted(protocol, protocol, "0f".repeat(64)));
    assertThat(segment.isSupported()).isFalse();
    assertThatThrownBy(() -> ForeignProtocols.requireShared("a:1", "", segment))
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll("a:1", error, "Start it with");
  }

  @Test
  void connectionMessagesOfSeptemberPassAndTheirNewMembersAreIgnored() {
    HandshakeDescriptor message =
        MetadataCodec.decodeHandshake(
                """
                {"local_gid":"","local_lid":0,"local_nic_path":"a:1@mlx5_0","notify_qp_num":99,
                "notify_rq_depth":128,"ctrl_channel":false,"msg_channel":false,"msg_qp_num":3,
                "instance_id":"77","mtu":4096,"payload":"","peer_nic_path":"b:2@mlx5_1",
                "qp_num":[17,18],"ready_ack":false,"reply_msg":""}
                """
                    .getBytes(StandardCharsets.UTF_8))
            .orElseThrow();
    assertThat(message.qpNums()).containsExactly(17L, 18L);
    assertThat(message.localNicPath()).isEqualTo("a:1@mlx5_0");
    assertThat(text(MetadataCodec.encode(message))).doesNotContain("notify", "msg_", "channel");
  }
}
