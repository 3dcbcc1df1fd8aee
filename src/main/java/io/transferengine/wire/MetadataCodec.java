// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The JSON of every record, as the C++ engine writes and reads it (protocol sections 3, 4 and 5.3).
 * Stateless and thread-safe.
 *
 * <p>Every {@code encode} gives compact text with its members in byte order and <em>no</em> newline
 * at the end: what HTTP stores. Handshake frames, etcd and redis end it with one, which {@link
 * #withNewline} adds.
 *
 * <p>Every {@code decode} reads what jsoncpp reads: members in any order, unknown ones, comments,
 * trailing commas and text after the end are passed over; of duplicates the last counts; a missing
 * or null member is 0, "" or empty. What jsoncpp would throw at (and die of) is a {@link
 * TransferException} here: MALFORMED_JSON for text that is no JSON, exceeds a limit of {@link
 * JsonLimits} or has a member of the wrong type or range, METADATA for a record that breaks the
 * rules of section 4. It names the member and what was found.
 */
public final class MetadataCodec {
  private static final DateTimeFormatter TIMESTAMP =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSS");

  private MetadataCodec() {}

  /** {@return {@code time} as descriptors carry it: {@code YYYY-MM-DD HH:MM:SS.uuuuuu}} */
  public static String timestamp(LocalDateTime time) {
    return TIMESTAMP.format(time);
  }

  /** {@return the text with the newline that frames, etcd and redis carry at its end} */
  public static byte[] withNewline(byte[] json) {
    byte[] line = Arrays.copyOf(json, json.length + 1);
    line[json.length] = '\n';
    return line;
  }

  /**
   * Encodes a segment descriptor of protocol {@code tcp} or {@code rdma}, as a plain string
   * whatever {@code protocols} holds.
   *
   * @throws TransferException METADATA when it breaks the rules of section 4 that readers check;
   *     NOT_IMPLEMENTED for other protocols
   */
  public static byte[] encode(SegmentDescriptor descriptor) {
    return SegmentCodec.encode(descriptor);
  }

  /**
   * {@return the descriptor; empty for {@code null}, the answer of a peer that is still starting or
   * publishes no descriptor}
   *
   * <p>Protocols that this engine does not speak are decoded too; see {@link
   * SegmentDescriptor#isSupported}.
   */
  public static Optional<SegmentDescriptor> decodeSegment(byte[] json) {
    return SegmentCodec.decode(json);
  }

  /** Encodes a Connection message or its reply. */
  public static byte[] encode(HandshakeDescriptor descriptor) {
    return MessageCodec.encode(descriptor);
  }

  /** {@return the Connection message; empty for {@code null}, a peer whose handler failed} */
  public static Optional<HandshakeDescriptor> decodeHandshake(byte[] json) {
    return MessageCodec.decodeHandshake(json);
  }

  /** Encodes a notification or its reply. */
  public static byte[] encode(NotifyMessage message) {
    return MessageCodec.encode(message);
  }

  /** {@return the notification or its reply; with empty members for {@code null}} */
  public static NotifyMessage decodeNotify(byte[] json) {
    return MessageCodec.decodeNotify(json);
  }

  /** Encodes an rpc_meta record. */
  public static byte[] encode(RpcMetaRecord rpcMeta) {
    return MessageCodec.encode(rpcMeta);
  }

  /** {@return the rpc_meta record} */
  public static RpcMetaRecord decodeRpcMeta(byte[] json) {
    return MessageCodec.decodeRpcMeta(json);
  }

  /** {@return the priority matrix of section 8 as JSON} */
  public static String encodePriorityMatrix(Map<String, List<List<String>>> matrix) {
    JsonWriter out = new JsonWriter(256);
    SegmentCodec.writeMatrix(out, matrix);
    return new String(out.toBytes(), StandardCharsets.US_ASCII);
  }

  /** {@return the priority matrix that {@code json} holds, in byte order of its keys} */
  public static Map<String, List<List<String>>> decodePriorityMatrix(String json) {
    return SegmentCodec.decodeMatrix(json.getBytes(StandardCharsets.UTF_8));
  }

  /** {@return a JSON string} */
  public static String quote(String text) {
    return new String(
        new JsonWriter(text.length() + 2).value(text).toBytes(), StandardCharsets.US_ASCII);
  }

  /**
   * Reads a segment descriptor to the end of its stream, checks that it is well-formed and within
   * the limits, and keeps nothing of it.
   *
   * @return whether it is a C++ engine's that speaks TCP alone
   * @throws TransferException MALFORMED_JSON when not
   * @throws IOException of the stream
   */
  public static boolean isOfCppOverTcp(InputStream json) throws IOException {
    return JsonReader.isOfCppOverTcp(json, "the segment descriptor");
  }

  /**
   * Reads a message to the end of its stream and checks that it is well-formed and within the
   * limits; nothing of it is kept.
   *
   * @throws TransferException MALFORMED_JSON when not
   * @throws IOException of the stream
   */
  public static void requireWellFormed(InputStream json) throws IOException {
    JsonReader.check(json, "the message");
  }

  /**
   * Checks that {@code json} is well-formed and within the limits, whatever it holds.
   *
   * @throws TransferException MALFORMED_JSON when not
   */
  public static void requireWellFormed(byte[] json) {
    MessageCodec.requireWellFormed(json);
  }
}
