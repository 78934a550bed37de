package doctor

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// maxSkew is how far clocks may be apart: a Date has whole seconds, and an answer
// takes its time.
const maxSkew = 30 * time.Second

// clockCheck is the name of the one check that is about no piece of the way.
const clockCheck = "clock"

// checkClock compares this machine's clock with the API server's.
func checkClock(r *Record) Check {
	if r.Clocks.Server.IsZero() {
		return untold("the API server told no time")
	}
	skew := r.Clocks.Here.Sub(r.Clocks.Server)
	if skew.Abs() <= maxSkew {
		return fine("%s goes by the API server's", r.From)
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return wrong(ClockWrong, "the clock of %s is %s %s the API server's: certificates and tokens count as expired, or as not valid yet", r.From, skew.Abs().Round(time.Second), way).
		because("here "+r.Clocks.Here.UTC().Format(time.RFC3339), "the API server "+r.Clocks.Server.UTC().Format(time.RFC3339)).
		look("see whether it is kept by NTP, on the machine that is wrong", "timedatectl status").
		change("have it kept", "sudo timedatectl set-ntp true")
}

// checkDryRun says what became of the dry runs. Why Pullgate was not asked, if the
// checks before know no better, is in an API server's words.
func checkDryRun(r *Record, before []Check) Check {
	var came, not, mode, untried []string
	var last Run
	for _, run := range r.Runs {
		switch {
		case run.came():
			came = append(came, run.Kind)
			if run.Answer != nil {
				mode = append(mode, run.Answer.Mode)
			}
		case run.forbidden():
			untried = append(untried, fmt.Sprintf("%s: you may not create one", run.Kind))
		case run.Err != nil && run.failed() == "":
			untried = append(untried, fmt.Sprintf("%s: refused before Pullgate was asked: %v", run.Kind, run.Err))
		default:
			not, last = append(not, run.Kind), run
		}
	}
	switch {
	case len(not) > 0:
		return astray(r, before, not, last).because(untried...)
	case len(came) == 0:
		return untold("none could be made in namespace %s", r.Namespace).because(untried...).
			look("see what you may do there; the right to create podtemplates is enough", fmt.Sprintf("%s auth can-i create podtemplates -n %s", r.Kubectl, r.Namespace))
	default:
		return fine("%s came by in namespace %s%s", strings.Join(came, ", "), r.Namespace, inMode(mode)).because(untried...)
	}
}

// inMode says which mode applied.
func inMode(modes []string) string {
	switch {
	case len(modes) == 0:
		return ""
	case modes[0] == "":
		return ", and is not looked at, since the configuration exempts it"
	default:
		return ", mode " + modes[0]
	}
}

// astray is for dry runs of which Pullgate did not hear.
func astray(r *Record, before []Check, not []string, last Run) Check {
	code, because := quietly(r, last)
	if words := last.failed(); words != "" {
		code, because = codeOf(words), "the API server said: "+words
	}
	for _, one := range before {
		if one.State == Wrong && one.Name != clockCheck {
			code = one.Code
			break // the first one, which the others may come from
		}
	}
	check := wrong(code, "%s did not come by in namespace %s", strings.Join(not, ", "), r.Namespace)
	return aside(r, check.because(because), before)
}

// aside adds what to do where nothing before says it.
func aside(r *Record, check Check, before []Check) Check {
	for _, one := range before {
		if one.State == Wrong && one.Code == check.Code {
			return check.advise("see above")
		}
	}
	switch check.Code {
	case NoRoute:
		check.Remedies = noRoute(r).Remedies
		return check
	case NameNotResolved:
		return check.advise("the API servers' machines resolve that name by their own DNS; a Service of type ClusterIP needs none").
			look("see what the Service leads to", fmt.Sprintf("%s get service %s -o yaml", r.own(), r.Target.Service))
	case ObjectExcluded:
		return check.look("see the match conditions", fmt.Sprintf("%s get validatingwebhookconfiguration %s -o yaml", r.Kubectl, r.Webhook.Value.Name)).
			fill("have Helm put the chart's back", "helm upgrade RELEASE CHART --namespace "+r.Target.Namespace+" --reuse-values")
	case CallerRefused:
		return check.advise("Pullgate answers those alone that show a certificate or a token that it knows; docs/install.md tells how API servers do")
	case Untrusted:
		return bundle(r, check)
	case Expired, ClockWrong, WrongName:
		return renew(r, check)
	default:
		return check.look("see what Pullgate said", fmt.Sprintf("%s logs deployment/%s --all-pods --prefix --tail=20", r.own(), r.Target.Service))
	}
}

// quietly says what is known where the API server let the dry run in.
func quietly(r *Record, last Run) (Code, string) {
	name := last.Entry
	switch {
	case name == "":
		return DidNotComeBy, "no entry of the webhook configuration asks about it"
	case r.Counts.Err != nil:
		return DidNotComeBy, "the API server let it in without a word, as under failurePolicy Ignore, and its metrics may not be read"
	case r.Counts.Value.FailedOpen[name] > 0:
		return DidNotComeBy, "the API server could not ask " + name + ", and let it in (apiserver_admission_webhook_fail_open_count)"
	case r.Counts.Value.Left[name] > 0:
		return ObjectExcluded, "a match condition of " + name + " left it out (apiserver_admission_match_condition_exclusions_total)"
	case r.Counts.Value.Errors[name] > 0:
		return ObjectExcluded, "a match condition of " + name + " failed (apiserver_admission_match_condition_evaluation_errors_total)"
	default:
		return DidNotComeBy, "the API server did not ask " + name + ", or not the one whose metrics were read"
	}
}

// checkRights says which rights are missing, for what.
func checkRights(r *Record) Check {
	if len(r.Rights) == 0 {
		return untold("it is not known which ServiceAccount Pullgate has")
	}
	check := Check{State: Wrong, Code: RightMissing}
	var features, unasked []string
	for _, right := range r.Rights {
		if right.Err != nil {
			unasked = append(unasked, right.Err.Error())
			continue
		}
		if len(right.Missing) == 0 {
			continue
		}
		features = append(features, right.Feature)
		check = check.because(lacking(right)).change("give it", r.grant(right))
	}
	switch {
	case len(features) > 0:
		check.Text = fmt.Sprintf("Pullgate's ServiceAccount %s lacks rights for %s", r.Rights[0].Account, strings.Join(features, ", "))
		return check.fill("better, have Helm put the chart's back", "helm upgrade RELEASE CHART --namespace "+r.Target.Namespace+" --reuse-values")
	case len(unasked) > 0:
		return untold("you may not ask what others may: %s", unasked[0])
	default:
		return fine("Pullgate's ServiceAccount %s has those that it needs", r.Rights[0].Account)
	}
}

// lacking says what is not allowed.
func lacking(right Right) string {
	text := fmt.Sprintf("%s: may not %s %s", right.Feature, strings.Join(right.Missing, ", "), right.Resource)
	if right.Name != "" {
		text += "/" + right.Name
	}
	if right.Namespace != "" {
		text += " in namespace " + right.Namespace
	}
	return text
}

// grant is the command that gives a right, by a role of its own.
func (r *Record) grant(right Right) string {
	name, kubectl, role, binding := product+"-doctor-"+right.Feature, r.Kubectl, "clusterrole", "clusterrolebinding"
	if right.Namespace != "" {
		kubectl, role, binding = r.Kubectl+" -n "+right.Namespace, "role", "rolebinding"
	}
	resource := right.Resource
	if right.Group != "" {
		resource += "." + right.Group
	}
	only := ""
	if right.Name != "" {
		only = " --resource-name=" + right.Name
	}
	return fmt.Sprintf("%s create %s %s --verb=%s --resource=%s%s && %s create %s %s --%s=%s --serviceaccount=%s",
		kubectl, role, name, strings.Join(right.Missing, ","), resource, only, kubectl, binding, name, role, name, right.Account)
}

// checkRegistries says which registries give no answer.
func checkRegistries(r *Record) Check {
	if len(r.Registries) == 0 {
		return untold("none is known: name one with --registry")
	}
	var good []string
	var all Check
	for _, one := range r.Registries {
		switch {
		case one.Err == nil:
			good = append(good, one.Host)
		case all.Code == "":
			all = silent(r, one)
		default:
			all = all.and(silent(r, one))
		}
	}
	if all.Code != "" {
		return all
	}
	return fine("%s answer, asked from %s", strings.Join(good, ", "), r.From)
}

// silent says why a registry gave no answer.
func silent(r *Record, one Ping) Check {
	finding := answers.Unanswered(one.Err)
	said := "it said: " + finding.Detail
	upgrade := "helm upgrade RELEASE CHART --namespace " + r.Target.Namespace + " --reuse-values "
	if one.Proxy != "" {
		said += " (through the proxy " + one.Proxy + ")"
	}
	var unresolved *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(one.Err, &op) && op.Op == "proxyconnect":
		return wrong(ProxyUnreachable, "the proxy %s, by which %s asks %s, cannot be reached", one.Proxy, r.From, one.Host).because(said).
			look("see which proxies are set", "env | grep -i _proxy").
			fill("name the right one", upgrade+`--set-json 'extraEnv=[{"name":"HTTPS_PROXY","value":"http://PROXY:PORT"}]'`)
	case errors.As(one.Err, &unresolved):
		return wrong(RegistryNotFound, "the name of registry %s is not resolved from %s", one.Host, r.From).because(said).
			fill("give Pullgate a DNS server that knows it", upgrade+`--set-json 'dnsConfig={"nameservers":["ADDRESS"]}'`)
	case finding.Reason == pull.UntrustedCertificate:
		return wrong(RegistryUntrusted, "the certificate of registry %s is not trusted by %s", one.Host, r.From).because(said).
			fill("give Pullgate the registry's authority", upgrade+"--set-file extraCAs=FILE")
	default:
		return wrong(RegistryNoRoute, "registry %s gives no answer to %s", one.Host, r.From).because(said).
			fill("where only a proxy leads out, name it", upgrade+`--set-json 'extraEnv=[{"name":"HTTPS_PROXY","value":"http://PROXY:PORT"}]'`).
			look("or see which policies there are for what leaves Pullgate's Pods", r.own()+" get networkpolicies")
	}
}
