// SPDX-License-Identifier: Apache-2.0
/**
 * What the ports have in common: who gets a place ({@link io.transferengine.net.Places}), and how a
 * peer that is gone is noticed ({@link io.transferengine.net.KeepAlive}).
 */
package io.transferengine.net;
