// SPDX-License-Identifier: Apache-2.0
/**
 * What happens in an engine, told to listeners of the application. Nothing here is on the path of
 * blocks: an event is about a whole transfer.
 */
@NullMarked
package io.transferengine.events;

import org.jspecify.annotations.NullMarked;
