// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.time.Instant;
import java.util.List;

/**
 * Who is at the other end of a TLS connection, and until when the certificates are good that it was
 * made with.
 *
 * @param names what the peer's certificate proves; may be none
 * @param ends when the peer's certificate ends, or one behind it that it has sent
 * @param ownEnds the same of ours; {@link Instant#MAX} if it is not known
 */
public record VerifiedPeer(List<String> names, Instant ends, Instant ownEnds) {}
