// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.util.Optional;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * What TLS is made with until the files change: the JDK's context, and what somebody else has made
 * of the same files. Thread-safe.
 */
final class TlsSetup {
  private final SSLContext context;
  private final Optional<TlsMaterial> material;
  private @Nullable Object made;

  private TlsSetup(SSLContext context, Optional<TlsMaterial> material) {
    this.context = context;
    this.material = material;
  }

  /** Of the program's own context, of which nothing else can be made. */
  static TlsSetup of(SSLContext own) {
    return new TlsSetup(own, Optional.empty());
  }

  static TlsSetup of(TlsMaterial material) {
    return new TlsSetup(material.context(), Optional.of(material));
  }

  SSLContext context() {
    return context;
  }

  /**
   * {@return what is made of the files, made the first time that somebody asks; empty if there are
   * none}
   *
   * @param maker always the same one
   */
  <T> Optional<T> made(Class<T> type, Function<TlsMaterial, T> maker) {
    if (material.isEmpty()) {
      return Optional.empty();
    }
    synchronized (this) {
      if (made == null) {
        made = maker.apply(material.get());
      }
      return Optional.of(type.cast(made));
    }
  }
}
