// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.time.Instant;
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
  private @Nullable Function<TlsMaterial, ?> maker;

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

  /** As {@link #of(TlsMaterial)}, with the same made of these files as was of those before. */
  static TlsSetup after(TlsSetup before, TlsMaterial material) {
    TlsSetup setup = of(material);
    Function<TlsMaterial, ?> known = before.maker();
    if (known != null) {
      setup.make(known);
    }
    return setup;
  }

  private synchronized @Nullable Function<TlsMaterial, ?> maker() {
    return maker;
  }

  /** {@return when our certificate ends; empty if the program has given a context instead} */
  Optional<Instant> end() {
    return material.map(TlsMaterial::expiry);
  }

  SSLContext context() {
    return context;
  }

  /**
   * {@return what is made of the files; empty if there are none} It is made the first time that
   * somebody asks, and when the files have changed before they are used.
   *
   * @param maker always the same one
   */
  <T> Optional<T> made(Class<T> type, Function<TlsMaterial, T> maker) {
    return material.isEmpty() ? Optional.empty() : Optional.of(type.cast(make(maker)));
  }

  private synchronized Object make(Function<TlsMaterial, ?> from) {
    Object there = made;
    if (there == null) {
      there = from.apply(material.orElseThrow());
      made = there;
      maker = from;
    }
    return there;
  }
}
