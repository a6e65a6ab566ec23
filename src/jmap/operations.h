// What the routes of this room are for, for the document of the APIs (api/document.h).
#pragma once

#include "api/document.h"

namespace pabal::jmap {

api::Described described();

}  // namespace pabal::jmap
