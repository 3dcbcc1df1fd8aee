// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionsTest.NOT_NUMBERS;
import static io.transferengine.config.OptionsTest.flag;
import static io.transferengine.config.OptionsTest.host;
import static io.transferengine.config.OptionsTest.number;
import static io.transferengine.config.OptionsTest.plus;
import static io.transferengine.config.OptionsTest.presence;

import io.transferengine.config.OptionsTest.Row;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The rows of {@link OptionsTest} for RDMA. */
final class RdmaOptionRows {
  private RdmaOptionRows() {}

  static Stream<Row> rows() {
    return Stream.concat(numbers(), others());
  }

  private static Stream<Row> numbers() {
    return Stream.of(
        number(RdmaOptions.GID_INDEX, -1, List.of(0, 3, 255), List.of(-2, 256)),
        number(RdmaOptions.AUTO_GID_MAX_RETRIES, 2, List.of(0, 255), List.of(-1, 256)),
        number(RdmaOptions.IB_PORT, 1, List.of(2, 255), List.of(0, -1, 256)),
        number(RdmaOptions.PKEY_INDEX, 0, List.of(1, 65_535), List.of(-1, 65_536)),
        number(RdmaOptions.IB_TC, -1, List.of(0, 106, 255), List.of(-2, 256)),
        number(RdmaOptions.IB_SL, -1, List.of(0, 15), List.of(-2, 16)),
        number(
            RdmaOptions.MTU,
            4096,
            List.of(256, 512, 1024, 2048),
            List.of(0, 128, 1500, 4095, 8192, -1)),
        number(RdmaOptions.MAX_CQE_PER_CTX, 4096, List.of(1, 65_535), List.of(0, 65_536)),
        number(RdmaOptions.MAX_EP_PER_CTX, 65_535, List.of(1, 256), List.of(0, 65_536)),
        number(RdmaOptions.NUM_QP_PER_EP, 2, List.of(1, 255), List.of(0, 256)),
        number(RdmaOptions.MAX_SGE, 4, List.of(1, 65_535), List.of(0, 65_536)),
        number(RdmaOptions.MAX_WR, 256, List.of(1, 65_535), List.of(0, 65_536)),
        number(RdmaOptions.MAX_INLINE, 64, List.of(0, 65_535), List.of(-1, 65_536)),
        number(RdmaOptions.WORKERS_PER_CTX, 1, List.of(2, 8), List.of(0, 9)),
        number(
            RdmaOptions.SLICE_SIZE, 65_536, List.of(4096, 1 << 30), List.of(4095, (1 << 30) + 1)),
        number(RdmaOptions.FRAGMENT_RATIO, 4, List.of(1, 65_535), List.of(0, 65_536)),
        number(RdmaOptions.RETRY_CNT, 9, List.of(1, 127), List.of(0, 128)));
  }

  private static Stream<Row> others() {
    return Stream.of(
        new Row(
            RdmaOptions.MAX_MR_SIZE,
            1L << 40,
            Map.of("65536", 65_536L, "140737488355328", 1L << 47),
            plus(NOT_NUMBERS, "4095", "0", "-1", "140737488355329", "1TiB")),
        number(RdmaOptions.ENABLE_PARALLEL_REG_MR, -1, List.of(0, 1), List.of(-2, 2)),
        presence(RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY),
        flag(RdmaOptions.ENABLE_HCA_PEER_AFFINITY, false),
        text(
            RdmaOptions.NIC_PEER_AFFINITY,
            List.of("mlx5_0=mlx5_0,mlx5_1;mlx5_1=mlx5_1", "a=b", "a=b;", "rocep0s1.2=x-y"),
            List.of("a", "a=", "=b", "a=b,", "a=b;;c=d", ";", "a=b;a=c", "a=b c", "a=b=c", "a:b")),
        number(RdmaOptions.RDMA_RAIL_PAUSE_SECONDS, 30, List.of(0, 1, 3600), List.of(-1)),
        number(RdmaOptions.IB_PCI_RELAXED_ORDERING, 1, List.of(0, 2), List.of(-1, 3)),
        host(RdmaOptions.RDMA_BIND_ADDRESS),
        text(
            RdmaOptions.TE_FILTERS,
            List.of("mlx5_0", "mlx5_0,mlx5_1", "rocep1s0f0"),
            List.of(",", "a,", ",a", "a,,b", "a, b", "a/b", "../x", "a".repeat(64), "a\n")));
  }

  private static Row text(Option<String> option, List<String> accepted, List<String> refused) {
    Map<String, String> values = accepted.stream().collect(Collectors.toMap(t -> t, t -> t));
    return new Row(option, "", values, refused);
  }
}
