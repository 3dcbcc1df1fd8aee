// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.TransferReport;
import io.transferengine.logging.Printable;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/**
 * A transfer, for the JDK's flight recorder: those of 20 ms and more, unless its user says
 * otherwise. Where no recording asks for it, nothing is made.
 */
@Name(TransferRecord.NAME)
@Label("Transfer")
@Category("Transfer Engine")
@Description("A transfer from its submission to its end, in four stages")
@StackTrace(false)
@Threshold("20 ms")
final class TransferRecord extends Event implements TwoClocks {
  static final String NAME = "io.transferengine.Transfer";

  private static final int TEXT_LENGTH_MAX = 300;

  @Label("Operation")
  String operation = "";

  @Label("Peer")
  String peer = "";

  @Label("Transport")
  @Description("What has carried it; several if its blocks went over more than one")
  String transport = "";

  @Label("Outcome")
  String outcome = "";

  @Label("Cause")
  @Description("Why it did not complete")
  String cause = "";

  @Label("Trace")
  @Description("The id of the trace that it is a part of")
  String trace = "";

  @Label("Tries")
  int tries;

  @Label("Requests")
  @Description("Of the last try")
  int requests;

  @Label("Requests again")
  @Description("Those of them that repeated others")
  int requestsAgain;

  @Label("Lanes")
  @Description("Connections or paths that took some")
  int lanes;

  @Label("Blocks")
  int blocks;

  @Label("Bytes")
  @DataAmount
  long bytes;

  @Label("Look-up")
  @Description("Until the peer's descriptor was there")
  @Timespan
  long lookUp;

  @Label("Queued")
  @Description("From then until a transport took the first bytes in hand")
  @Timespan
  long queued;

  @Label("Moving")
  @Description("From then until the last request was settled")
  @Timespan
  long moving;

  @Label("Settling")
  @Description("From then until its memory was given back")
  @Timespan
  long settling;

  /** Not of the event. */
  private transient boolean isWanted;

  /** {@return one for a transfer that is about to begin; null if no recording wants it} */
  static @Nullable TransferRecord begun() {
    TransferRecord made = new TransferRecord();
    if (!made.isEnabled()) {
      return null;
    }
    return made;
  }

  // The recorder has a clock of its own, and sets a duration by it alone. So both clocks are read
  // at each end of the transfer, and not when this is made or told: what is done in between, such
  // as what listeners do, is in no stage.

  /**
   * Begins; {@return the time then by our clock, where the first stage begins} Most are not wanted
   * in the end, so this does not look whether the thread was held up between the two: they are some
   * 20 ns apart, and a third reading takes as long.
   */
  long beginNow() {
    begin();
    return System.nanoTime();
  }

  /** {@return whether a recording wants it, of the length that it has now} */
  boolean isWantedNow() {
    end();
    isWanted = shouldCommit();
    return isWanted;
  }

  /** {@return whether it was wanted when that was asked} Else it needs no end and no report. */
  boolean isWanted() {
    return isWanted;
  }

  /**
   * Ends; {@return the time then by our clock, where the last stage ends} Takes no memory.
   *
   * @param settledNanos where it begins
   */
  long endNow(long settledNanos) {
    return readBoth(settledNanos);
  }

  @Override
  public long readFirst() {
    return System.nanoTime();
  }

  @Override
  public void readSecond() {
    end();
  }

  /** Has the recording take it, once it has ended, if that wants it. */
  void commitWith(TransferReport report) {
    operation = report.operation().name();
    peer = Printable.of(report.target(), TEXT_LENGTH_MAX);
    transport = report.transport();
    outcome = report.state().name();
    cause = report.cause().isPresent() ? report.cause().get().label() : "";
    trace = report.traceParent().isPresent() ? report.traceParent().get().traceId() : "";
    tries = report.tries();
    requests = report.requests();
    requestsAgain = report.requestsAgain();
    lanes = report.lanes();
    blocks = report.blocks();
    bytes = report.bytes();
    lookUp = report.lookUp().toNanos();
    queued = report.queued().toNanos();
    moving = report.moving().toNanos();
    settling = report.settling().toNanos();
    commit();
  }
}
