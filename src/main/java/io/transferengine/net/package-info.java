// SPDX-License-Identifier: Apache-2.0
/**
 * The rules that all our ports share: which connections get a place ({@link
 * io.transferengine.net.Places}), how few there are of other things ({@link
 * io.transferengine.net.Shares}) and how many bytes we hold for them ({@link
 * io.transferengine.net.ByteBudget}), whose costly work is done next ({@link
 * io.transferengine.net.Turns}), and how a dead peer is noticed ({@link
 * io.transferengine.net.KeepAlive}). Ports whose threads wait share how they accept ({@link
 * io.transferengine.net.AcceptLoop}), who serves each ({@link
 * io.transferengine.net.ClientThreads}), what ends a wait ({@link io.transferengine.net.Watchdog}),
 * and how they part with who is refused ({@link io.transferengine.net.Farewell}). Who connects asks
 * for addresses in one way, too ({@link io.transferengine.net.Resolver}), and who waits for what
 * may come soon learns whether to look for it ({@link io.transferengine.net.Looks}).
 */
package io.transferengine.net;
