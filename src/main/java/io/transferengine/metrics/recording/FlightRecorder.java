// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

/** Whether this Java has the JDK's flight recorder: one may be made without. */
public final class FlightRecorder {
  /** Asked before a class of an event is used. */
  public static final boolean IS_THERE = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private FlightRecorder() {}
}
