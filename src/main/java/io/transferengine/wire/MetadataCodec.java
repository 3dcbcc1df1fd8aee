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
 * <p>Every {@code encode} returns compact text with the members in byte order and <em>no</em>
 * newline at the end. HTTP stores it like this. In handshake frames, etcd and redis the text ends
 * with a newline, which {@link #withNewline} adds.
 *
 * <p>Every {@code decode} reads what jsoncpp reads. Members may be in any order. Unknown members,
 * comments, trailing commas and text after the end are ignored. Of duplicate members the last one
 * counts. A missing or null member is 0, "" or empty. Where jsoncpp would throw (and end the C++
 * process), {@code decode} throws a {@link TransferException}: MALFORMED_JSON if the text is not
 * JSON or has a member of the wrong type or range; JSON_TOO_LARGE if it exceeds a limit of {@link
 * JsonLimits}; METADATA if the record breaks the rules of section 4. It names the member and the
 * value found.
 */
public final class MetadataCodec {
  private static final DateTimeFormatter TIMESTAMP =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSS");

  private MetadataCodec() {}

  /** {@return {@code time} in the form of descriptors: {@code YYYY-MM-DD HH:MM:SS.uuuuuu}} */
  public static String timestamp(LocalDateTime time) {
    return TIMESTAMP.format(time);
  }

  /** {@return the text with a newline at its end, as frames, etcd and redis have it} */
  public static byte[] withNewline(byte[] json) {
    byte[] line = Arrays.copyOf(json, json.length + 1);
    line[json.length] = '\n';
    return line;
  }

  /**
   * Encodes a segment descriptor of protocol {@code tcp} or {@code rdma}. Its {@code protocol} is
   * written as a plain string, also if it offers several.
   *
   * @throws TransferException METADATA if it breaks a rule of section 4 that readers check;
   *     NOT_IMPLEMENTED for other protocols
   */
  public static byte[] encode(SegmentDescriptor descriptor) {
    return SegmentCodec.encode(descriptor);
  }

  /**
   * {@return the descriptor; empty for {@code null}, which a peer answers that is still starting or
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

  /**
   * {@return the Connection message; empty for {@code null}, which a peer answers if its handler
   * failed}
   */
  public static Optional<HandshakeDescriptor> decodeHandshake(byte[] json) {
    return MessageCodec.decodeHandshake(json);
  }

  /** Encodes a notification or its reply. */
  public static byte[] encode(NotifyMessage message) {
    return MessageCodec.encode(message);
  }

  /** {@return the notification or its reply; with empty members for {@code null}} */
  public static NotifyMessage decodeNotify(byte[] json) {
    return decodeNotify(json, () -> {});
  }

  /**
   * {@return the notification or its reply; with empty members for {@code null}}
   *
   * @param malformedTrace run if it has a trace context of another form, which is left out
   */
  public static NotifyMessage decodeNotify(byte[] json, Runnable malformedTrace) {
    return MessageCodec.decodeNotify(json, malformedTrace);
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
   * @return whether it is the descriptor of a C++ engine that speaks only TCP
   * @throws TransferException MALFORMED_JSON if the check fails
   * @throws IOException from the stream
   */
  public static boolean isOfCppOverTcp(InputStream json) throws IOException {
    return JsonReader.isOfCppOverTcp(json, "the segment descriptor");
  }

  /**
   * Reads a message to the end of its stream, checks that it is well-formed and within the limits,
   * and keeps nothing of it.
   *
   * @throws TransferException MALFORMED_JSON if the check fails
   * @throws IOException from the stream
   */
  public static void requireWellFormed(InputStream json) throws IOException {
    JsonReader.check(json, "the message");
  }

  /**
   * Checks that {@code json} is well-formed and within the limits, whatever it holds.
   *
   * @throws TransferException MALFORMED_JSON if it is not
   */
  public static void requireWellFormed(byte[] json) {
    MessageCodec.requireWellFormed(json);
  }
}
