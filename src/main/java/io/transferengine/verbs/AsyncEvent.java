// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/**
 * An event that a device reported.
 *
 * @param type the kind of event
 * @param number the port number for an event of a port; the queue pair's number for an event of a
 *     queue pair, -1 if its context has no such queue pair open; else 0
 */
public record AsyncEvent(AsyncEventType type, int number) {}
