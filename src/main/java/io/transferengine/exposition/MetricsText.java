// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import io.transferengine.events.EngineListener;
import io.transferengine.metrics.MetricsSnapshot;
import java.util.Optional;

/** An engine's figures as text. Thread-safe. */
public interface MetricsText extends AutoCloseable {
  /** What a text may look like. */
  enum Form {
    /** What every reader of Prometheus's figures reads. */
    PLAIN,
    /** With exemplars, for readers that ask for it. */
    OPEN_METRICS
  }

  /** {@return what a text of that form is, for HTTP} */
  String contentType(Form form);

  /** {@return all figures now} */
  byte[] now(Form form);

  /** Stops listening to the engine. Idempotent. */
  @Override
  void close();

  /** What a text is made of. */
  interface Source {
    /** {@return the figures so far} */
    MetricsSnapshot metrics();

    /** Has a listener told what happens. {@return what ends that} */
    Listening listen(EngineListener listener);
  }

  /** Ends the listening when it is closed. */
  interface Listening extends AutoCloseable {
    @Override
    void close();
  }

  /** Makes texts; found by {@link java.util.ServiceLoader}. */
  interface Provider {
    /** {@return what is missing for it, a clause; empty if nothing is} */
    Optional<String> unavailabilityCause();

    /** {@return a text of an engine} */
    MetricsText of(Source engine);
  }
}
