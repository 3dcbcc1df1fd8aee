// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A segment's descriptor to JSON and back, once for each peer that asks or is asked. The score is
 * for one descriptor, whose buffers have keys for two devices.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class CodecBenchmark {
  @Param({"1", "1000"})
  int buffers;

  private SegmentDescriptor descriptor =
      SegmentDescriptor.builder("10.0.0.2:15123", SegmentDescriptor.RDMA).build();
  private byte[] json = {};

  /** Makes a descriptor as an engine with two devices publishes it. */
  @Setup
  public void describe() {
    List<BufferDescriptor> list = new ArrayList<>();
    for (int i = 0; i < buffers; i++) {
      long key = 0x1000L + i;
      list.add(
          new BufferDescriptor(
              "cpu:" + i % 2,
              0x7f00_0000_0000L + i * (16L << 20),
              16L << 20,
              List.of(key, key + 1),
              List.of(key, key + 1)));
    }
    descriptor =
        descriptor.toBuilder()
            .tcpDataPort(15_124)
            .tcpProtoVersion(2)
            .timestamp("2026-01-01 00:00:00")
            .devices(
                List.of(
                    new DeviceDescriptor(
                        "mlx5_0", 0, "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:00:00:02"),
                    new DeviceDescriptor(
                        "mlx5_1", 0, "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:00:01:02")))
            .priorityMatrix(
                Map.of(
                    "cpu:0", List.of(List.of("mlx5_0"), List.of("mlx5_1")),
                    "cpu:1", List.of(List.of("mlx5_1"), List.of("mlx5_0"))))
            .incarnation(Optional.of("0123456789abcdef"))
            .buffers(list)
            .build();
    json = MetadataCodec.encode(descriptor);
    if (!decode().equals(Optional.of(descriptor))) {
      throw new IllegalStateException("What was encoded is not what is decoded");
    }
  }

  /** Descriptor to JSON. */
  @Benchmark
  public byte[] encode() {
    return MetadataCodec.encode(descriptor);
  }

  /** JSON to descriptor, checks included. */
  @Benchmark
  public Optional<SegmentDescriptor> decode() {
    return MetadataCodec.decodeSegment(json);
  }
}
