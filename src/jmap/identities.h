// Identities (RFC 8621 §6): the addresses an account may send as, with names and signatures. There is always one for
// each address that the directory gives the account; it comes and goes with it. Others are made by the client.
#pragma once

#include "jmap/collection.h"

namespace pabal::jmap {

const Type& identity_type();
// Makes those identities that the directory says are to be there, takes away those of addresses the account has no
// more. Before anything that reads identities.
Task<std::optional<Failure>> keep_identities(Call& call);

}  // namespace pabal::jmap
