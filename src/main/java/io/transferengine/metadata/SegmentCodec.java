// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.util.List;
import java.util.Map;
import java.util.Optional;

@SuppressWarnings("DoNotCallSuggester") // while the bodies are missing
final class SegmentCodec {
  private SegmentCodec() {}

  static byte[] encode(SegmentDescriptor descriptor) {
    throw new UnsupportedOperationException();
  }

  static Optional<SegmentDescriptor> decode(byte[] json) {
    throw new UnsupportedOperationException();
  }

  static void writeMatrix(JsonWriter out, Map<String, List<List<String>>> matrix) {
    throw new UnsupportedOperationException();
  }

  static Map<String, List<List<String>>> decodeMatrix(byte[] json) {
    throw new UnsupportedOperationException();
  }
}
