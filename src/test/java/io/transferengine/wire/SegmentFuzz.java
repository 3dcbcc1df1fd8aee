// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;

import io.transferengine.fuzz.CutStream;
import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Oracle;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/** The segment descriptor of a peer, or of a record in a metadata service. */
public final class SegmentFuzz implements FuzzTarget {
  /** Jackson's buffers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 256 << 10;

  /** An empty range takes three bytes of JSON. */
  private static final long HEAP_BYTES_PER_BYTE = 100;

  @Override
  public void run(byte[] input) throws IOException {
    Oracle.frugally(HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length, () -> decoded(input))
        .ifPresent(SegmentFuzz::requireSameAgain);
    String whole = checked(input, false);
    String cut = checked(input, true);
    require(whole.equals(cut), () -> "in one piece " + whole + ", cut " + cut);
  }

  private static Optional<SegmentDescriptor> decoded(byte[] input) {
    try {
      return MetadataCodec.decodeSegment(input);
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE, ErrorCode.METADATA);
      return Optional.empty();
    }
  }

  /** What we accept we could publish, and whoever reads that gets the same. */
  private static void requireSameAgain(SegmentDescriptor descriptor) {
    if (!descriptor.isSupported()) {
      return;
    }
    byte[] json = MetadataCodec.encode(descriptor);
    SegmentDescriptor again = MetadataCodec.decodeSegment(json).orElseThrow();
    require(
        Arrays.equals(json, MetadataCodec.encode(again)),
        () -> "written, read and written: " + descriptor + " and " + again);
    require(
        again.name().equals(descriptor.name())
            && again.tcpDataPort() == descriptor.tcpDataPort()
            && again.incarnation().equals(descriptor.incarnation())
            && again.buffers().size() == descriptor.buffers().size(),
        () -> descriptor + " became " + again);
  }

  /** As the handshake daemon checks the descriptor in a peer's request. */
  private static String checked(byte[] input, boolean cut) throws IOException {
    return Oracle.frugally(
        HEAP_BYTES + input.length,
        () -> {
          try {
            CutStream in = cut ? CutStream.cut(input) : CutStream.whole(input);
            return String.valueOf(MetadataCodec.isOfCppOverTcp(in));
          } catch (TransferException e) {
            requireRefusal(e, ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE);
            return e.code().toString();
          }
        });
  }
}
