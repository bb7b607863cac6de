<?php

require __DIR__ . '/../src/app.php';

echo 'ok ', commit(), "\n";
