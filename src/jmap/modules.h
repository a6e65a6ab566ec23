// The modules of this room: each adds its methods and capabilities.
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

void add_core(Methods& methods);                // core.cc
void add_blobs(Methods& methods);               // blobs.cc
void add_mailbox_methods(Methods& methods);     // mailbox_methods.cc
void add_emails(Methods& methods);              // email_get.cc
void add_email_queries(Methods& methods);       // email_query.cc
void add_email_changes(Methods& methods);       // email_changes.cc
void add_threads(Methods& methods);             // threads.cc
void add_snippets(Methods& methods);            // snippets.cc
void add_identities(Methods& methods);          // identities.cc
void add_submissions(Methods& methods);         // submissions.cc
void add_quota(Methods& methods);               // quota.cc
void add_principals(Methods& methods);          // principals.cc
void add_share_notices(Methods& methods);       // share_notices.cc
void add_contacts(Methods& methods);            // contacts.cc
void add_sieve_scripts(Methods& methods);       // sieve_scripts.cc
void add_blob_methods(Methods& methods);        // blob_methods.cc
void add_mdn(Methods& methods);                 // mdn.cc
void add_mailbox_set(Methods& methods);         // mailbox_set.cc
void add_email_changing(Methods& methods);      // email_set.cc
void add_vacation(Methods& methods);            // vacation.cc
void add_push_subscriptions(Methods& methods);  // push_subscriptions.cc

// Methods of Mail that only read.
struct MailRead {
  const char* name;
  Answer (*read)(Call&);
  const char* takes = "";
};
inline void add_mail_reads(Methods& methods, const std::vector<std::string_view>& needs,
                           const std::vector<MailRead>& reads) {
  for (const MailRead& one : reads) {
    Method method;
    method.name = one.name;
    method.capability = kMail;
    method.read = one.read;
    method.needs = needs;
    method.takes = one.takes;
    methods.add(method);
  }
}

inline void add_modules(Methods& methods) {
  add_core(methods);
  add_blobs(methods);
  add_blob_methods(methods);
  add_mdn(methods);
  add_mailbox_methods(methods);
  add_emails(methods);
  add_email_queries(methods);
  add_email_changes(methods);
  add_threads(methods);
  add_snippets(methods);
  add_mailbox_set(methods);
  add_email_changing(methods);
  add_identities(methods);
  add_submissions(methods);
  add_vacation(methods);
  add_quota(methods);
  add_principals(methods);
  add_share_notices(methods);
  add_contacts(methods);
  add_sieve_scripts(methods);
  add_push_subscriptions(methods);
}

}  // namespace pabal::jmap
