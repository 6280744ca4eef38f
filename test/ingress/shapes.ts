/** One of the fields of what a path is shared by. */
const PART = 'var\\(txn\\.split\\),field\\([0-9]{1,2},\\|\\)'
const HEX = '%\\[bin\\(([0-9a-f]{2})+\\)\\]'

/** Lines that the routes of a table can give to a configuration. */
export const FRONT_WORDS: readonly RegExp[] = [
  /^ {2}bind (0\.0\.0\.0|\[::\]):[0-9]+( v6only)? ssl crt-list certificates\.list strict-sni alpn h2,http\/1\.1 ssl-min-ver TLSv1\.2 no-tls-tickets curves X25519:P-256:P-384 ciphers [A-Z0-9:-]+$/,
  /^ {2}http-request return status 200 content-type text\/plain lf-string %\[path,map\(challenges\.map\)\] if \{ path,map\(challenges\.map\) -m found \}$/,
  /^ {2}http-request return status 404 content-type text\/plain string not-found$/,
  /^ {2}http-request deny deny_status 400 if \{ path -m sub -i %00 \}$/,
  /^ {2}http-request deny deny_status 400 if \{ var\(txn\.path\) -m sub \/\. \} \{ var\(txn\.path\) -m reg \/\\\.\\\.\?\(\/\|\$\) \}$/,
  /^ {2}http-request set-var\(txn\.(host|zone|path)\) (req\.hdr\(host\),host_only,lower,rtrim\(\.\)|var\(txn\.host\),field\(2,\.,0\)|path,url_dec,regsub\(\/\/\+,\/,g\))$/,
  /^ {2}http-request set-var\(txn\.to\) str\(https?:\/\/(\*\.|\*)?\),(concat\(,txn\.(host|zone)\),)?concat\(,txn\.path(,\/)?\),map(_beg)?\((paths|routes)\.map\) unless \{ var\(txn\.to\) -m found \}$/,
  /^ {2}http-request (set-header X-Forwarded-(Proto https|Host %\[req\.hdr\(host\)\])|del-header (Forwarded|X-Slipway-Replica))$/,
  // Paths that services share.
  /^ {2}http-request set-var\(txn\.(split\) var\(txn\.to\)|drawn\) rand\(1000000\)) if \{ var\(txn\.to\) -m beg split\| \}$/,
  new RegExp(
    `^ {2}http-request set-var\\(txn\\.to\\) ${PART} if \\{ var\\(txn\\.to\\) -m beg split\\| \\} \\{ ${PART},(sub\\(txn\\.drawn\\) gt 0|field\\(2,_\\),field\\(-1,-\\),strcmp\\(txn\\.given\\) eq 0) \\}$`,
  ),
  new RegExp(
    `^ {2}http-request set-var\\(txn\\.to\\) ${PART} if \\{ var\\(txn\\.split\\) -m found \\} \\{ var\\(txn\\.to\\),nbsrv eq 0 \\} \\{ ${PART},nbsrv gt 0 \\}$`,
  ),
  /^ {2}http-request set-var\(txn\.(given\) req\.cook\(slipway-service\)|service\) var\(txn\.to\),field\(2,_\),field\(-1,-\)) if \{ var\(txn\.split\) -m beg split\|\/ \}$/,
  /^ {2}http-response add-header Set-Cookie "slipway-service=%\[var\(txn\.service\)\]; Path=%\[var\(txn\.split\),field\(2,\|\)\]; HttpOnly; SameSite=Lax(; Secure)?" if \{ var\(txn\.service\) -m found \} !\{ var\(txn\.service\),strcmp\(txn\.given\) eq 0 \} !?\{ ssl_fc \}$/,
  /^ {2}use_backend %\[var\(txn\.to\)\] if \{ var\(txn\.to\) -m found \}$/,
  /^ {2}default_backend nowhere$/,
  /^ {2}http-request redirect location https:\/\/%\[var\(txn\.host\)\](:[0-9]+)?%\[pathq\] code 308$/,
  new RegExp(`^ {2}http-request redirect (prefix|location) ${HEX} code 30[1278]$`),
  // The manner of a route.
  /^ {2}http-request set-var\(txn\.allowed\) bool\(true\) if \{ src( [0-9a-f.:]+(\/[0-9]{1,3})?)+ \}$/i,
  /^ {2}http-request deny deny_status 403( unless \{ var\(txn\.allowed\) -m bool \})?$/,
  /^ {2}http-request auth realm restricted unless \{ http_auth\(users_[0-9a-f]{12}\) \}$/,
  /^userlist users_[0-9a-f]{12}$/,
  /^ {2}user [A-Za-z0-9._@-]+ password \$[A-Za-z0-9./$]+$/,
  /^ {2}http-request deny deny_status 413 if \{ req\.hdr_val\(content-length\) gt [0-9]+ \}$/,
  /^ {2}http-request return status 411 unless \{ req\.hdr\(content-length\) -m found \} or \{ method [A-Z ]+ \} !\{ req\.hdr\(transfer-encoding\) -m found \}$/,
  new RegExp(`^ {2}http-(request|response) set-header [A-Za-z0-9_-]+ ${HEX}( if \\{ ssl_fc \\})?$`),
  /^ {2}http-(request|response) del-header [A-Za-z0-9_-]+$/,
  /^ {2}http-request replace-path \^[A-Za-z0-9_~@:=,&!/+.[\]-]*(\(\/\.\*\)\?|\/\*\(\.\*\))\$ \/([A-Za-z0-9._~@:+=,&!/-]*)\\1$/,
  /^ {2}timeout (connect|server|tunnel) [0-9]+ms$/,
  // Canaries.
  /^ {2}http-request set-var\(txn\.begun\) date\(0,ms\)$/,
  /^ {2}http-response (set-var\(txn\.took\) date\(0,ms\),sub\(txn\.begun\)|sc-inc-gpc0\(0\))$/,
  /^ {2}http-response set-var-fmt\(txn\.figure\) %si:%sp\/%\[var\(txn\.took\),map_int\(times\.map,[0-9]+\)\]$/,
  /^ {2}http-response track-sc0 var\(txn\.figure\) table figures if \{ srv_name -m beg s \}$/,
  /^ {2}stick-table type string len 96 size 50k expire 1h store gpc0$/,
  /^ {2}http-request (del-header X-Slipway-Group|set-header X-Slipway-Group new if \{ req\.(fhdr|cook)\([A-Za-z0-9_-]+\)( -m found|,hex -m str ([0-9A-F]{2})+) \})$/,
  /^ {2}http-request set-var\(txn\.pick\) rand\(64\)$/,
  /^ {2}http-request set-var\(txn\.fresh\) str\([a-z0-9-]+\/(own\/)?\),concat\(,txn\.pick\),map\(fresh\.map\) if \{ req\.hdr\(X-Slipway-Group\) -m found \}$/,
  /^ {2}use-server %\[var\(txn\.fresh\)\] if \{ var\(txn\.fresh\) -m found \}$/,
  // Clients that stay with a replica.
  /^ {2}http-request set-var\(txn\.said\) req\.(cook|hdr)\([A-Za-z0-9_-]+\)$/,
  /^ {2}http-request set-header X-Slipway-Replica %\[var\(txn\.said\)\]$/,
  /^ {2}use-server %\[var\(txn\.said\),(field\(1,-\),)?map\(replicas\.map\)\] if \{ var\(txn\.said\),(field\(1,-\),)?map\(replicas\.map\) -m found \}$/,
  /^ {2}http-response set-var-fmt\(txn\.slot\) [a-z0-9-]+\/%s$/,
  /^ {2}http-response set-var\(txn\.replica\) (var\(txn\.slot\),map\(replicas\.map\)|res\.hdr\(X-Slipway-Replica\) if \{ res\.hdr\(X-Slipway-Replica\) -m found \})$/,
  /^ {2}http-response set-header X-Slipway-Replica %\[var\(txn\.replica\)\] if \{ var\(txn\.replica\) -m found \}$/,
  /^ {2}http-response add-header Set-Cookie "[A-Za-z0-9_-]+=%\[var\(txn\.replica\)\]; Path=\/; HttpOnly; SameSite=Lax(; Secure)?" if \{ var\(txn\.replica\) -m found \} !\{ var\(txn\.replica\),strcmp\(txn\.said\) eq 0 \} !?\{ ssl_fc \}$/,
]

/** What the lines of the other files may be, by the name of the file. */
export const SHAPES: readonly (readonly [RegExp, RegExp])[] = [
  [
    /^(routes|paths)\.map$/,
    /^(https?:\/\/[a-z0-9*._-]+\/[A-Za-z0-9._~@:+=,&!/-]* ([a-z]+_[a-z0-9_-]+|split\|(\/[A-Za-z0-9._~@:+=,&!/-]*)?(\|[0-9]{1,7}\|to_[a-z0-9_-]+){1,8})|=digest [a-z]+\.map:[0-9a-f]{20})$/,
  ],
  [
    /^challenges\.map$/,
    /^(\/\.well-known\/acme-challenge\/[A-Za-z0-9_-]+ [A-Za-z0-9_.-]+|=digest challenges\.map:[0-9a-f]{20})$/,
  ],
  [/^fresh\.map$/, /^([a-z0-9-]+\/(own\/)?[0-9]{1,2} (s[0-9]+|r_[a-z0-9-]+)|=digest fresh\.map:[0-9a-f]{20})$/],
  [/^times\.map$/, /^[0-9]+:[0-9]+ [0-9]+$/],
  [/^replicas\.map$/, /^([a-z0-9/-]+ ([a-z0-9-]+|r_[a-z0-9-]+)|=digest replicas\.map:[0-9a-f]{20})$/],
  [/^certificates\.list$/, /^tls_[0-9a-f]{20}\.pem( [a-z0-9*._-]+)*$/],
  [/^tls_[0-9a-f]{20}\.pem$/, /^(-----(BEGIN|END) (CERTIFICATE|(RSA |EC )?PRIVATE KEY)-----|[A-Za-z0-9+/=]{1,64})$/],
]
