// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/**
 * Something that a device reported on its own.
 *
 * @param type what happened
 * @param number the port for an event of a port, the queue pair's number for one of a queue pair
 *     (-1 when it is not one of its context's open ones), else 0
 */
public record AsyncEvent(AsyncEventType type, int number) {}
