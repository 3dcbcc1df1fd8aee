// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.io.IOException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** A connection ends because TLS could not be agreed on. The message is the cause in words. */
final class TlsRefusal extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  TlsRefusal(String text, @Nullable Throwable cause) {
    super(text, cause);
  }
}
