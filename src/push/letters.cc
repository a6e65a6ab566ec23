#include "push/letters.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdio>

#include "base/text.h"
#include "web/http.h"

namespace pabal::push {
namespace {

std::string hex_id(uint64_t id) {
  char out[20];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(id));
  return out;
}

std::string member(std::string_view name, std::string_view value) {
  return "\"" + std::string(name) + "\":" + web::json_string(value);
}

}  // namespace

std::string webhook_body(const std::string& account, const News& news, const Added& added) {
  std::string out = "{" + member("type", "mail.changed") + "," + member("account", account) + "," +
                    member("historyId", std::to_string(news.now.mail)) + "," +
                    member("since", std::to_string(news.since.mail)) + ",\"messagesAdded\":[";
  for (const auto& [message, thread] : added.messages)
    out += "{" + member("id", hex_id(message)) + "," + member("threadId", hex_id(thread)) + "},";
  if (!added.messages.empty()) out.pop_back();
  return out + "]" + (added.more ? ",\"more\":true" : "") + "}";
}

std::string watch_body(const std::string& account, mailbox::ModSeq history, uint64_t id, const std::string& topic,
                       Time now) {
  const std::string data = "{" + member("emailAddress", account) + ",\"historyId\":" + std::to_string(history) + "}";
  std::string subscription = topic;
  constexpr std::string_view kTopics = "/topics/";
  if (const size_t at = subscription.find(kTopics); at != subscription.npos)
    subscription.replace(at, kTopics.size(), "/subscriptions/");
  return "{\"message\":{" + member("data", text::base64(data)) + "," + member("messageId", std::to_string(id)) + "," +
         member("publishTime", to_rfc3339(now)) + "}," + member("subscription", subscription) + "}";
}

std::string verification_body(const std::string& subscription, const std::string& code) {
  return "{" + member("@type", "PushVerification") + "," + member("pushSubscriptionId", subscription) + "," +
         member("verificationCode", code) + "}";
}

std::string webhook_signature(std::string_view secret, std::string_view id, int64_t timestamp, std::string_view body) {
  const std::string text = std::string(id) + "." + std::to_string(timestamp) + "." + std::string(body);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return "v1," + text::base64({reinterpret_cast<const char*>(out), size});
}

void sign_post(web::Post& post, std::string_view secret, const std::string& id, Time now) {
  const int64_t timestamp = to_unix(now);
  post.fields.push_back("Content-Type: application/json");
  post.fields.push_back("webhook-id: " + id);
  post.fields.push_back("webhook-timestamp: " + std::to_string(timestamp));
  post.fields.push_back("webhook-signature: " + webhook_signature(secret, id, timestamp, post.body));
}

std::string webhook_secret_text(std::string_view secret) { return "whsec_" + text::base64(secret); }

}  // namespace pabal::push
