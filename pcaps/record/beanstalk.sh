# beanstalk.sh: a queue of jobs on port 11300. Sourced by record.sh.

scenario beanstalk_jobs beanstalk
beanstalk_jobs() {
	spawn web beanstalk beanstalkd -l "$WEB"
	wait_port web 11300 && capture beanstalk cli eth0 tcp port 11300 || return
	cli "$PYTHON" "$HERE/beanstalk.py" "$WEB" || return
	captures_end
}
