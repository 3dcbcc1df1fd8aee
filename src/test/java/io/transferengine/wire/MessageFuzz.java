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
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The small records: Connection messages, notifications, {@code rpc_meta} records, priority
 * matrices, and what is only checked to be JSON. Each input is read as each of them.
 */
public final class MessageFuzz implements FuzzTarget {
  /** Jackson's buffers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 256 << 10;

  private static final long HEAP_BYTES_PER_BYTE = 100;

  @Override
  public void run(byte[] input) throws IOException {
    same(
        input,
        json -> MetadataCodec.decodeHandshake(json).orElse(HandshakeDescriptor.EMPTY),
        MetadataCodec::encode,
        // That it asks for two-sided messages is never written.
        (HandshakeDescriptor read) ->
            HandshakeDescriptor.rejection(read.toString().replaceAll("twoSided=.*", "")));
    same(input, MetadataCodec::decodeNotify, MetadataCodec::encode, Function.identity());
    same(input, MetadataCodec::decodeRpcMeta, MetadataCodec::encode, Function.identity());
    same(
        input,
        json -> MetadataCodec.decodePriorityMatrix(new String(json, StandardCharsets.UTF_8)),
        (Map<String, List<List<String>>> matrix) ->
            MetadataCodec.encodePriorityMatrix(matrix).getBytes(StandardCharsets.UTF_8),
        Function.identity());
    String whole = checked(input, false);
    String cut = checked(input, true);
    require(whole.equals(cut), () -> "in one piece " + whole + ", cut " + cut);
  }

  /** What is read is the same after it was written and read again, by what of it is written. */
  private static <T> void same(
      byte[] input, Function<byte[], T> read, Function<T, byte[]> write, Function<T, ?> written)
      throws IOException {
    Optional<T> first =
        Oracle.frugally(
            HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length,
            () -> Optional.ofNullable(orRefused(read, input)));
    if (first.isPresent()) {
      byte[] json = write.apply(first.get());
      T again = read.apply(json);
      require(
          written.apply(again).equals(written.apply(first.get())),
          () -> first.get() + " became " + again);
      require(Arrays.equals(write.apply(again), json), () -> "written otherwise: " + again);
    }
  }

  private static <T> @Nullable T orRefused(Function<byte[], T> read, byte[] input) {
    try {
      return read.apply(input);
    } catch (TransferException e) {
      requireRefusal(e, ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE, ErrorCode.METADATA);
      return null;
    }
  }

  /** As the handshake daemon checks the body of a probe. */
  private static String checked(byte[] input, boolean cut) throws IOException {
    return Oracle.frugally(
        HEAP_BYTES + input.length,
        () -> {
          try {
            MetadataCodec.requireWellFormed(cut ? CutStream.cut(input) : CutStream.whole(input));
            return "well-formed";
          } catch (TransferException e) {
            requireRefusal(e, ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE);
            return e.code().toString();
          }
        });
  }
}
