// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Throttle;

/**
 * A refusal, for the JDK's flight recorder. Strangers decide how many there are: the recorder keeps
 * a sample of 100 a second, unless its user says otherwise. Where no recording asks for it, nothing
 * is written and nothing is kept.
 */
@Name(RefusalEvent.NAME)
@Label("Refusal")
@Category("Transfer Engine")
@Description("A peer was refused something")
@StackTrace(false)
@Throttle("100/s")
final class RefusalEvent extends Event {
  static final String NAME = "io.transferengine.Refusal";

  @Label("Peer")
  @Description("The names that it has proved, and its address")
  String peer = "";

  @Label("Reason")
  @Description("A reason of the audit log, or the counter that counts such refusals")
  String reason = "";

  @Label("Port")
  @Description("Our RPC port or data port, or the peer's port that we connected to; may be empty")
  String port = "";

  @Label("What")
  @Description("What it wanted, and why it does not get that")
  String what = "";
}
