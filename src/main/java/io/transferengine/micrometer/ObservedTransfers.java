// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.events.TransferReport;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.util.Locale;
import java.util.Objects;

/**
 * Submits transfers that are observed by Micrometer: with a tracer in the registry (Micrometer
 * Tracing, with OpenTelemetry or Brave) each is a span below the one that is current where it is
 * submitted. Where no observation is current, nothing is made, and it is as {@link Engine#submit}.
 *
 * <p>The observation {@code transferengine.transfer} lasts from the submission to the end. It has
 * the keys {@code direction} (read, write), {@code transport} (tcp, rdma, local, several, none),
 * {@code outcome} (completed, failed, timeout, canceled) and {@code cause}, all of few values, and
 * {@code peer}, {@code bytes} and {@code explanation} for spans alone. Thread-safe.
 */
@SuppressWarnings("exports") // of Micrometer, which is no named module: who calls this has it
public final class ObservedTransfers {
  /** The name of each observation. */
  public static final String NAME = "transferengine.transfer";

  private static final String NONE = "none";

  private final Engine engine;
  private final ObservationRegistry registry;

  /**
   * For the transfers of one engine.
   *
   * @param engine which stays the caller's
   * @param registry where observations go
   */
  public ObservedTransfers(Engine engine, ObservationRegistry registry) {
    this.engine = Objects.requireNonNull(engine, "engine must not be null");
    this.registry = Objects.requireNonNull(registry, "registry must not be null");
  }

  /**
   * Begins a transfer, as {@link Engine#submit} does.
   *
   * @param request what to move
   * @return its handle
   * @throws TransferException as {@link Engine#submit}
   */
  public Transfer submit(TransferRequest request) {
    Objects.requireNonNull(request, "request must not be null");
    if (registry.isNoop() || registry.getCurrentObservation() == null) {
      return engine.submit(request);
    }
    Observation made =
        Observation.createNotStarted(NAME, registry)
            .lowCardinalityKeyValue("direction", lower(request.operation()))
            .highCardinalityKeyValue("peer", request.target())
            .highCardinalityKeyValue("bytes", Long.toString(request.blocks().totalBytes()))
            .start();
    boolean begun = false;
    try {
      Transfer transfer = engine.submit(request);
      var _ = transfer.toCompletableFuture().whenComplete((_, _) -> end(made, transfer.report()));
      begun = true;
      return transfer;
    } catch (TransferException refused) {
      made.error(refused);
      throw refused;
    } finally {
      if (!begun) {
        made.lowCardinalityKeyValue("transport", NONE)
            .lowCardinalityKeyValue("outcome", "failed")
            .lowCardinalityKeyValue("cause", NONE)
            .stop();
      }
    }
  }

  private static void end(Observation made, TransferReport report) {
    report.failure().ifPresent(made::error);
    String transport = report.transport();
    made.lowCardinalityKeyValue("transport", transport.isEmpty() ? NONE : transport)
        .lowCardinalityKeyValue("outcome", lower(report.state()))
        .lowCardinalityKeyValue(
            "cause", report.cause().isPresent() ? lower(report.cause().get()) : NONE)
        .highCardinalityKeyValue("explanation", report.explain())
        .stop();
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
