// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.io.IOException;
import java.io.Serial;

/** A connection ends because of a token. The message says why, in words for people. */
public final class TokenRefusal extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  /** A refusal with a text that quotes no secret. */
  public TokenRefusal(String text) {
    super(text);
  }

  /** As above, after something else failed. */
  public TokenRefusal(String text, Throwable cause) {
    super(text, cause);
  }
}
