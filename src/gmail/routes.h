// The methods by resource, for gmail.cc to put together.
#pragma once

#include "gmail/call.h"
#include "gmail/resource.h"

namespace pabal::gmail {

// The parameter `format`. kInvalid; kDenied where it asks for more than header fields, and the token covers no more.
Result<Format> format_of(const Call& call, bool whole);

void add_messages(web::Router& router, Services& services);
void add_threads(web::Router& router, Services& services);
void add_changes(web::Router& router, Services& services);
void add_labels(web::Router& router, Services& services);
void add_drafts(web::Router& router, Services& services);
void add_history(web::Router& router, Services& services);
void add_watch(web::Router& router, Services& services);  // watch and stop

}  // namespace pabal::gmail
