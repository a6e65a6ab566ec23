#include "submission/session.h"

namespace pabal::submission {

using smtp::Reply;

Task<Reply> Session::on_connect(smtp::ClientInfo) { co_return Reply{220, "", "Pabal submission"}; }

std::vector<std::string> Session::auth_mechanisms(const smtp::ClientInfo& info) {
  return identity::sasl_mechanisms(info.tls);
}

smtp::AuthStep Session::taken(identity::SaslStep step) {
  smtp::AuthStep out;
  switch (step.kind) {
    case identity::SaslStep::Kind::kChallenge:
      out.kind = smtp::AuthStep::Kind::kChallenge;
      out.data = std::move(step.data);
      break;
    case identity::SaslStep::Kind::kSuccess:
      out.kind = smtp::AuthStep::Kind::kSuccess;
      out.user = step.account.name;
      account_ = std::move(step.account);
      break;
    case identity::SaslStep::Kind::kFailure:
      out.failure = step.error.code == Code::kDenied ? Reply{535, "5.7.8", step.error.message}
                                                     : Reply{454, "4.7.0", step.error.message};
      break;
  }
  return out;
}

Task<smtp::AuthStep> Session::auth_start(smtp::ClientInfo info, std::string mechanism,
                                         std::optional<std::string> initial) {
  exchange_ =
      std::make_unique<identity::SaslExchange>(services_.login, loop_, info.remote.ip, info.tls, identity::kMailSend);
  Task<identity::SaslStep> starting = exchange_->start(std::move(mechanism), std::move(initial));
  identity::SaslStep step = co_await starting;
  co_return taken(std::move(step));
}

Task<smtp::AuthStep> Session::auth_continue(std::string data) {
  Task<identity::SaslStep> continuing = exchange_->next(std::move(data));
  identity::SaslStep step = co_await continuing;
  co_return taken(std::move(step));
}

void Session::begin(const smtp::ClientInfo& info, smtp::MailParams mail) {
  parcel_ = {};
  parcel_.account = *account_;
  parcel_.peer = "at " + info.remote.text() + " (" + info.helo + ")";
  if (info.tls) parcel_.tls = info.tls->version + " " + info.tls->cipher;
  parcel_.received.helo = info.helo;
  parcel_.received.with = info.protocol(mail.smtputf8);
  parcel_.received.tls = parcel_.tls;
  if (mail.hold_for) parcel_.release = loop_.now() + *mail.hold_for;
  if (mail.hold_until) parcel_.release = mail.hold_until;
  parcel_.mail = std::move(mail);
}

Task<Reply> Session::on_mail(smtp::ClientInfo info, smtp::MailParams mail) {
  // STARTTLS forgets the login (RFC 3207 §4.2): the session knows, account_ alone does not.
  if (info.auth_user.empty() || !account_) co_return Reply{530, "5.7.0", "authenticate first"};
  begin(info, std::move(mail));
  if (auto refusal = submitter_.check_sender(parcel_)) co_return std::move(refusal->reply);
  co_return Reply{250, "2.1.0", "Ok"};
}

Task<Reply> Session::on_rcpt(smtp::ClientInfo, smtp::RcptParams rcpt) {
  Rcpt one{std::move(rcpt), false};
  if (auto refusal = submitter_.check_recipient(parcel_, one, parcel_.mail.size.value_or(0)))
    co_return std::move(refusal->reply);
  parcel_.recipients.push_back(std::move(one));
  co_return Reply{250, "2.1.5", "Ok"};
}

Task<std::vector<Reply>> Session::on_message(smtp::ClientInfo, std::string content) {
  Parcel parcel = std::move(parcel_);
  parcel.content = std::move(content);
  Task<Submitter::Answer> submitting = submitter_.submit(loop_, std::move(parcel));
  Submitter::Answer answer = co_await submitting;
  std::vector<Reply> replies(1);
  replies.front() =
      answer.refusal ? std::move(answer.refusal->reply) : Reply{250, "2.0.0", "Ok: queued as " + answer.id};
  co_return replies;
}

void Session::on_reset() { parcel_ = {}; }

}  // namespace pabal::submission
