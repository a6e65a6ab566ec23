// What is sent to outlets, as text: bodies and signatures.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "push/hub.h"
#include "web/fetch.h"

namespace pabal::push {

struct Added {  // messages that are new
  std::vector<std::pair<mailbox::MessageId, mailbox::ThreadId>> messages;
  bool more = false;  // than are named
};

// What a webhook hears: whose account, which stretch of its history, and the ids of what was added, as the Gmail API
// writes them.
std::string webhook_body(const std::string& account, const News& news, const Added& added);
// What Google's Pub/Sub would post for users.watch.
std::string watch_body(const std::string& account, mailbox::ModSeq history, uint64_t id, const std::string& topic,
                       Time now);
// RFC 8620 §7.2.2.
std::string verification_body(const std::string& subscription, const std::string& code);

// As the Standard Webhooks specification has them: the value of webhook-signature, and how a secret is given out.
std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp, std::string_view body);
std::string webhook_secret_text(std::string_view secret);
void sign_post(web::Post& post, std::string_view secret, const std::string& id, Time now);

}  // namespace pabal::push
