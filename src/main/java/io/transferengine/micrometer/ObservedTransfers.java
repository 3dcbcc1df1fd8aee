// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.ReceiverContext;
import io.micrometer.observation.transport.SenderContext;
import io.transferengine.Engine;
import io.transferengine.Notification;
import io.transferengine.NotificationListener;
import io.transferengine.Transfer;
import io.transferengine.TransferNotify;
import io.transferengine.events.TransferReport;
import io.transferengine.logging.Anyway;
import io.transferengine.micrometer.meters.ObservedSpans;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Submits transfers that are observed by Micrometer: with a tracer in the registry (Micrometer
 * Tracing, with OpenTelemetry or Brave) each is a span below the one that is current where it is
 * submitted. Where no observation is current, nothing is made, and it is as {@link Engine#submit}.
 *
 * <p>The observation {@code transferengine.transfer} lasts from the submission to the end. It has
 * the keys {@code direction} (read, write), {@code transport} (tcp, rdma, local, several, none),
 * {@code outcome} (completed, failed, timeout, canceled) and {@code cause}, all of few values, and
 * {@code peer}, {@code bytes} and {@code explanation} for spans alone. Where there was no memory to
 * wait for the end, it ends at the submission, and {@code outcome} is the state then.
 *
 * <p>If the tracer speaks W3C's {@code traceparent}, a notification carries the span of its
 * transfer to the peer, and {@link #onNotification} makes what is done there, {@code
 * transferengine.notification.process}, a span below it. Thread-safe.
 */
@SuppressWarnings("exports") // of Micrometer, which is no named module: who calls this has it
public final class ObservedTransfers {
  /** The name of each observation of a transfer. */
  public static final String NAME = "transferengine.transfer";

  /** The name of each observation of a notification that is sent by itself. */
  public static final String SEND = "transferengine.notification.send";

  /** The name of each observation of what is done for a notification. */
  public static final String PROCESS = "transferengine.notification.process";

  private static final String NONE = "none";

  private static final Logger log = LoggerFactory.getLogger(ObservedTransfers.class);

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

  /** What a tracer says of the span of something that is sent. */
  private static final class Carrier {
    private static final String HEADER = "traceparent";

    private @Nullable String text;

    static void set(@Nullable Carrier carrier, String key, String value) {
      if (carrier != null && key.equalsIgnoreCase(HEADER)) {
        carrier.text = value;
      }
    }

    static @Nullable String get(Notification carrier, String key) {
      return key.equalsIgnoreCase(HEADER) && carrier.traceParent().isPresent()
          ? carrier.traceParent().get().toString()
          : null;
    }

    /** Empty without a tracer, or if that speaks something else. */
    Optional<TraceParent> span() {
      return text == null ? Optional.empty() : TraceParent.find(text);
    }
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
    if (!isObserved()) {
      return engine.submit(request);
    }
    Carrier carrier = new Carrier();
    Observation made =
        sending(NAME, carrier, request.notification().isPresent() ? Kind.PRODUCER : Kind.CLIENT)
            .lowCardinalityKeyValue("direction", lower(request.operation()))
            .highCardinalityKeyValue("peer", request.target())
            .highCardinalityKeyValue("bytes", Long.toString(request.blocks().totalBytes()))
            .start();
    Optional<TraceParent> span = carrier.span();
    Transfer transfer;
    try {
      span.ifPresent(known -> ObservedSpans.add(known, made));
      transfer = engine.submit(span.map(request::withTraceParent).orElse(request));
    } catch (Throwable refused) {
      refused(made, span, refused);
      throw refused;
    }
    try {
      var _ = transfer.toCompletableFuture().whenComplete((_, _) -> end(made, span, transfer));
    } catch (Throwable unwatched) {
      // Such as no memory. Bytes move: the caller must have the handle, observed or not.
      try {
        end(made, span, transfer);
      } catch (Throwable t) {
        Anyway.failed(log, "Ending the observation of a transfer", t);
      }
    }
    return transfer;
  }

  private static void refused(Observation made, Optional<TraceParent> span, Throwable why) {
    try {
      span.ifPresent(ObservedSpans::remove);
      made.error(why);
      made.lowCardinalityKeyValue("transport", NONE)
          .lowCardinalityKeyValue("outcome", "failed")
          .lowCardinalityKeyValue("cause", NONE);
    } catch (RuntimeException | Error ofATracer) {
      if (ofATracer != why) {
        why.addSuppressed(ofATracer);
      }
    } finally {
      made.stop();
    }
  }

  private static void end(Observation made, Optional<TraceParent> span, Transfer transfer) {
    try {
      span.ifPresent(ObservedSpans::remove);
      TransferReport report = transfer.report();
      String transport = report.transport();
      made.lowCardinalityKeyValue("transport", transport.isEmpty() ? NONE : transport)
          .lowCardinalityKeyValue("outcome", lower(report.state()))
          .lowCardinalityKeyValue(
              "cause", report.cause().isPresent() ? lower(report.cause().get()) : NONE)
          .highCardinalityKeyValue("explanation", report.explain());
      report.failure().ifPresent(made::error);
    } finally {
      // A span that is begun is ended, whatever a tracer throws before.
      made.stop();
    }
  }

  /**
   * Sends a message to a peer's application, as {@link Engine#sendNotify(String, TransferNotify,
   * Duration)} does, with the span of the sending.
   *
   * @param segment the peer
   * @param message the message
   * @param timeout how long to wait at most, above zero
   * @throws TransferException as the engine's
   */
  public void sendNotify(String segment, TransferNotify message, Duration timeout) {
    Objects.requireNonNull(segment, "segment must not be null");
    Objects.requireNonNull(message, "message must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    if (!isObserved()) {
      engine.sendNotify(segment, message, timeout);
      return;
    }
    Carrier carrier = new Carrier();
    sending(SEND, carrier, Kind.PRODUCER)
        .highCardinalityKeyValue("peer", segment)
        .observe(
            () -> {
              Optional<TraceParent> span = carrier.span();
              if (span.isPresent()) {
                engine.sendNotify(segment, message, span.get(), timeout);
              } else {
                engine.sendNotify(segment, message, timeout);
              }
            });
  }

  /**
   * Hands the messages of peers' applications to a listener, as {@link Engine#onNotification} does.
   * What it does for a message that says its sender's span is observed, as a part of that trace.
   *
   * @param listener called for one message after another
   * @return a handle that ends the listening when it is closed
   * @throws TransferException CLOSED if the engine was closed
   */
  public NotificationListener onNotification(Consumer<? super Notification> listener) {
    Objects.requireNonNull(listener, "listener must not be null");
    return engine.onNotification(message -> process(message, listener));
  }

  /**
   * Does something for a message that was taken otherwise, as {@link #onNotification} has it done.
   *
   * @param message from {@link Engine#takeNotification}
   * @param action called once, by this thread; what it throws is thrown
   */
  public void process(Notification message, Consumer<? super Notification> action) {
    Objects.requireNonNull(message, "message must not be null");
    Objects.requireNonNull(action, "action must not be null");
    if (registry.isNoop() || message.traceParent().isEmpty()) {
      action.accept(message);
      return;
    }
    ReceiverContext<Notification> context = new ReceiverContext<>(Carrier::get, Kind.CONSUMER);
    context.setCarrier(message);
    Observation.createNotStarted(PROCESS, () -> context, registry)
        .highCardinalityKeyValue("sender", message.sender().getHostAddress())
        .observe(() -> action.accept(message));
  }

  private boolean isObserved() {
    return !registry.isNoop() && registry.getCurrentObservation() != null;
  }

  private Observation sending(String name, Carrier carrier, Kind kind) {
    SenderContext<Carrier> context = new SenderContext<>(Carrier::set, kind);
    context.setCarrier(carrier);
    return Observation.createNotStarted(name, () -> context, registry);
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
